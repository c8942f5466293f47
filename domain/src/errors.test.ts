import { describe, expect, it } from 'vitest';
import { CommonwattError, ERROR_CODES, toProblem } from './errors.ts';

describe('problem documents (RFC 9457)', () => {
  it('say what, where and what to do', () => {
    const error = new CommonwattError('out-of-range', 'energy 0 Wh', {
      record: 'o1',
      field: 'payload.energyWh',
      remedy: 'ask for 1 Wh or more',
    });
    expect(toProblem(error, '/v1/orders')).toEqual({
      type: 'urn:commonwatt:problem:out-of-range',
      title: 'A value is out of range',
      status: 422,
      detail: 'energy 0 Wh',
      instance: '/v1/orders',
      record: 'o1',
      field: 'payload.energyWh',
      remedy: 'ask for 1 Wh or more',
    });
  });

  it('show one line of an unknown error and no stack', () => {
    expect(toProblem(new Error('first\nsecond'))).toMatchObject({ status: 500, detail: 'first' });
    expect(toProblem('text')).toMatchObject({ status: 500, detail: 'text' });
  });

  it('have a status between 400 and 599 for every code', () => {
    for (const code of ERROR_CODES)
      expect(toProblem(new CommonwattError(code, 'x')).status).toBeGreaterThanOrEqual(400);
  });
});
