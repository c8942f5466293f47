import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fakeModbus, type FakeModbus, type Fault } from '../../test/fake-modbus.ts';
import { ModbusBus, ModbusException } from './bus.ts';

const QUICK = { timeoutMs: 120, connectTimeoutMs: 200, backoffFirstMs: 1, backoffMaxMs: 2 };
let fake: FakeModbus;
let bus: ModbusBus;

beforeEach(async () => {
  fake = await fakeModbus();
  for (let address = 0; address < 300; address += 1) fake.registers.set(address, address);
  bus = new ModbusBus({ host: '127.0.0.1', port: fake.port }, QUICK);
});
afterEach(async () => {
  await bus.close();
  await fake.close();
});

const read = (address = 7, count = 2): Promise<readonly number[]> => bus.read(1, 3, address, count);
const soon = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

describe('faults on the wire: an error in time, and the next request works again', () => {
  test.each<[string, Fault]>([
    ['silence', { kind: 'silence' }],
    ['RST', { kind: 'rst' }],
    ['FIN', { kind: 'fin' }],
    ['FIN mid-answer', { kind: 'fin-mid' }],
    ['garbage', { kind: 'garbage' }],
    ['an answer that is too short', { kind: 'short' }],
    ['wrong unit', { kind: 'unit' }],
    ['wrong transaction id', { kind: 'transaction' }],
    ['an answer after the deadline', { kind: 'delay', ms: 500 }],
  ])('%s', async (_name, fault) => {
    expect(await read()).toEqual([7, 8]);
    fake.fault = fault;
    const startedMs = performance.now();
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(450);
    fake.fault = { kind: 'none' };
    await soon();
    // The right registers, not a late answer to the question before.
    expect(await read(20)).toEqual([20, 21]);
    expect(fake.connections).toBe(2);
  });

  test.each([1, 2, 4, 6, 11])('exception %i is told, and the connection stays', async (code) => {
    fake.fault = { kind: 'exception', code };
    const error = await read().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ModbusException);
    expect(error).toMatchObject({ exceptionCode: code });
    fake.fault = { kind: 'none' };
    expect(await read()).toEqual([7, 8]);
    expect(fake.connections).toBe(1);
  });

  test.each<[string, Fault]>([
    ['RST', { kind: 'rst' }],
    ['FIN', { kind: 'fin' }],
  ])('%s is noticed at once, not at the deadline', async (_name, fault) => {
    const patient = new ModbusBus({ host: '127.0.0.1', port: fake.port }, { ...QUICK, timeoutMs: 5000 });
    await patient.read(1, 3, 0, 1);
    fake.fault = fault;
    const startedMs = performance.now();
    await expect(patient.read(1, 3, 0, 1)).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(2000);
    await patient.close();
  });

  test('slow answers within the deadline are good', async () => {
    fake.fault = { kind: 'delay', ms: 60 };
    expect(await read()).toEqual([7, 8]);
  });

  test('a unit that is not there is silence', async () => {
    fake.units.add(1);
    await expect(bus.read(2, 3, 0, 1)).rejects.toMatchObject({ code: 'unavailable' });
  });

  test('nobody listens: refused at once, and found when it comes up', async () => {
    const { port } = fake;
    await fake.close();
    await expect(read()).rejects.toThrow(/ECONNREFUSED/);
    fake = await fakeModbus(port);
    fake.registers.set(7, 70).set(8, 80);
    await soon();
    expect(await read()).toEqual([70, 80]);
  });

  test('while it waits to connect again, requests fail at once instead of queueing', async () => {
    const patient = new ModbusBus(
      { host: '127.0.0.1', port: fake.port },
      { ...QUICK, backoffFirstMs: 60_000, backoffMaxMs: 60_000 },
    );
    fake.fault = { kind: 'rst' };
    await expect(patient.read(1, 3, 0, 1)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(patient.read(1, 3, 0, 1)).rejects.toThrow(/waits before it connects again/);
    await patient.close();
  });
});

describe('one owner', () => {
  test('300 requests at once: one in flight, each with its own answer', async () => {
    fake.fault = { kind: 'delay', ms: 0 };
    const answers = await Promise.all(
      Array.from({ length: 300 }, (_, address) => bus.read(1, 3, address, 1)),
    );
    expect(answers).toEqual(Array.from({ length: 300 }, (_, address) => [address]));
    expect(fake.connections).toBe(1);
  });

  test('units take turns on one connection', async () => {
    await Promise.all([bus.read(1, 3, 0, 1), bus.read(2, 4, 1, 1), bus.read(3, 3, 2, 1)]);
    expect(fake.requests.map(({ unit, code }) => [unit, code])).toEqual([
      [1, 3],
      [2, 4],
      [3, 3],
    ]);
  });

  test('writes are exact: negative numbers as two words complement, function 6 and 16', async () => {
    await bus.write(1, 16, 10, [-5, 70_000 & 0xffff]);
    await bus.write(1, 6, 12, [-1]);
    expect([10, 11, 12].map((address) => fake.registers.get(address))).toEqual([0xfffb, 4464, 0xffff]);
    expect(fake.requests.map(({ code }) => code)).toEqual([16, 6]);
  });

  test('closing fails what is in flight and what comes later, at once', async () => {
    fake.fault = { kind: 'silence' };
    const pending = read();
    pending.catch(() => {});
    await soon();
    await bus.close();
    await expect(pending).rejects.toMatchObject({ code: 'unavailable' });
    await expect(read()).rejects.toThrow(/closed/);
  });
});
