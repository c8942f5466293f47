import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Span } from '../profile/plan.ts';
import { ModbusException } from './bus.ts';
import { Reads } from './reads.ts';

/** A device that has only some registers, each worth its own address. */
function device(has: (address: number) => boolean) {
  const asked: Span[] = [];
  return {
    asked,
    read: async (span: Span): Promise<readonly number[]> => {
      asked.push(span);
      const addresses = Array.from({ length: span.count }, (_, index) => span.address + index);
      if (!addresses.every(has)) throw new ModbusException(2, 'illegal data address');
      return addresses;
    },
  };
}

const SPANS: readonly Span[] = [
  { address: 0, count: 2 },
  { address: 2, count: 2 },
  { address: 4, count: 2 },
  { address: 20, count: 2 },
];
const options = { spans: SPANS, readMax: 80, gapMax: 40, holesAllowed: true };

test('one request where the device answers all', async () => {
  const { asked, read } = device(() => true);
  const reads = new Reads(read, options);
  const registers = await reads.look();
  expect([registers(0), registers(21), registers(22)]).toEqual([0, 21, undefined]);
  expect(asked).toEqual([{ address: 0, count: 22 }]);
});

test('holes in between: from the second look on only what is there is asked for', async () => {
  const { asked, read } = device((address) => address < 6 || address >= 20);
  const reads = new Reads(read, options);
  const registers = await reads.look();
  expect([registers(5), registers(20)]).toEqual([5, 20]);
  asked.length = 0;
  await reads.look();
  expect(asked).toEqual([
    { address: 0, count: 6 },
    { address: 20, count: 2 },
  ]);
});

test('a needed register that is not there is undefined, the rest is read, and it is tried again later', async () => {
  let grown = false;
  const { asked, read } = device((address) => grown || address < 2 || address === 20 || address === 21);
  const reads = new Reads(read, options);
  const registers = await reads.look();
  expect([registers(0), registers(2), registers(4), registers(20)]).toEqual([0, undefined, undefined, 20]);
  asked.length = 0;
  await reads.look();
  expect(asked).toEqual([
    { address: 0, count: 2 },
    { address: 20, count: 2 },
  ]);
  grown = true;
  for (let look = 0; look < 100; look += 1) await reads.look();
  expect((await reads.look())(4)).toBe(4);
});

test('where no hole may be, one is an error; so it is when there is nothing but holes', async () => {
  const { read } = device((address) => address !== 4);
  await expect(new Reads(read, { ...options, holesAllowed: false }).look()).rejects.toBeInstanceOf(
    ModbusException,
  );
  const nothing = device(() => false);
  const reads = new Reads(nothing.read, options);
  await expect(reads.look()).rejects.toBeInstanceOf(ModbusException);
  await expect(reads.look()).rejects.toBeInstanceOf(ModbusException);
});

test('property: whatever registers a device lacks, each span that is there is read, whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 62 }), { maxLength: 30 }),
      fc.integer({ min: 0, max: 40 }),
      async (starts, lacks, gapMax) => {
        const spans = starts.map((address) => ({ address, count: 2 }));
        const missing = new Set(lacks);
        const { read } = device((address) => !missing.has(address));
        const reads = new Reads(read, { spans, readMax: 20, gapMax, holesAllowed: true });
        const there = spans.filter(({ address }) => !missing.has(address) && !missing.has(address + 1));
        for (let look = 0; look < 2; look += 1) {
          const registers = await reads.look().catch(() => undefined);
          expect(registers === undefined).toBe(there.length === 0);
          for (const { address } of there)
            expect([registers?.(address), registers?.(address + 1)]).toEqual([address, address + 1]);
        }
      },
    ),
  );
});
