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
  // A connection that served and is closed in good order is opened once more before it is an error.
  test.each<[string, Fault, number]>([
    ['silence', { kind: 'silence' }, 2],
    ['RST', { kind: 'rst' }, 2],
    ['FIN', { kind: 'fin' }, 3],
    ['FIN mid-answer', { kind: 'fin-mid' }, 3],
    ['garbage', { kind: 'garbage' }, 2],
    ['an answer that is too short', { kind: 'short' }, 2],
    ['wrong unit', { kind: 'unit' }, 2],
    ['wrong transaction id', { kind: 'transaction' }, 2],
    ['an answer after the deadline', { kind: 'delay', ms: 500 }, 2],
  ])('%s', async (_name, fault, connections) => {
    expect(await read()).toEqual([7, 8]);
    fake.fault = fault;
    const startedMs = performance.now();
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedMs).toBeLessThan(450);
    fake.fault = { kind: 'none' };
    await soon();
    // The right registers, not a late answer to the question before.
    expect(await read(20)).toEqual([20, 21]);
    expect(fake.connections).toBe(connections);
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

describe('devices with manners of their own', () => {
  test('one that hangs up after every answer is asked on without a pause, reads and writes', async () => {
    const patient = new ModbusBus(
      { host: '127.0.0.1', port: fake.port },
      { ...QUICK, backoffFirstMs: 60_000, backoffMaxMs: 60_000 },
    );
    fake.hangsUp = true;
    for (let address = 0; address < 20; address += 1)
      expect(await patient.read(1, 3, address, 1)).toEqual([address]);
    await patient.write(1, 16, 5, [55]);
    await patient.write(1, 6, 6, [66]);
    const both = await Promise.all([patient.read(1, 3, 5, 2), patient.read(1, 3, 7, 2)]);
    expect(both).toEqual([
      [55, 66],
      [7, 8],
    ]);
    await patient.close();
  });

  test('one that ends a quiet connection is found again at once', async () => {
    const patient = new ModbusBus(
      { host: '127.0.0.1', port: fake.port },
      { ...QUICK, backoffFirstMs: 60_000, backoffMaxMs: 60_000 },
    );
    await patient.read(1, 3, 0, 1);
    fake.endAll();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(await patient.read(1, 3, 9, 1)).toEqual([9]);
    await patient.close();
  });

  test('one that takes a single client: two devices behind it share the connection', async () => {
    fake.clientsMax = 1;
    await Promise.all([bus.read(1, 3, 0, 1), bus.read(2, 3, 1, 1)]);
    expect(fake.connections).toBe(1);
    const second = new ModbusBus({ host: '127.0.0.1', port: fake.port }, QUICK);
    await expect(second.read(1, 3, 0, 1)).rejects.toMatchObject({ code: 'unavailable' });
    await bus.close();
    await soon();
    expect(await second.read(1, 3, 4, 1)).toEqual([4]);
    await second.close();
  });

  test.each([0, 1, 247, 255])('unit id %i', async (unit) => {
    fake.units.add(unit);
    expect(await bus.read(unit, 3, 7, 2)).toEqual([7, 8]);
    expect(await bus.read(unit, 4, 7, 1)).toEqual([7]);
    await bus.write(unit, 16, 7, [70]);
    expect(await bus.read(unit, 3, 7, 1)).toEqual([70]);
  });

  test('one that needs a pause gets it between an answer and the next request', async () => {
    bus.mind({ pauseMs: 40 });
    const startedMs = performance.now();
    for (let turn = 0; turn < 4; turn += 1) await read();
    expect(performance.now() - startedMs).toBeGreaterThan(3 * 40 - 5);
  });

  test('one that is slower than the usual deadline gets its time', async () => {
    fake.fault = { kind: 'delay', ms: 300 };
    await expect(read()).rejects.toMatchObject({ code: 'unavailable' });
    const patient = new ModbusBus({ host: '127.0.0.1', port: fake.port }, QUICK);
    patient.mind({ timeoutMs: 1000 });
    expect(await patient.read(1, 3, 7, 2)).toEqual([7, 8]);
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
