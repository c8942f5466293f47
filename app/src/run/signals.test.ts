import { signerFromSeed, type DemandSignal, type SlotView } from '@commonwatt/domain';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SignalBoard } from './signals.ts';

const operator = signerFromSeed(new Uint8Array(32).fill(1));
const NOW_MS = Date.parse('2026-06-01T12:00:00Z');
const HOUR_MS = 3_600_000;
const SIGNAL: DemandSignal = {
  type: 'signal',
  community: 'c1',
  id: 's1',
  feeder: 'feeder-1',
  kind: 'import-limit',
  limitW: 20_000,
  fromMs: NOW_MS + HOUR_MS,
  toMs: NOW_MS + 2 * HOUR_MS,
  issuedAtMs: NOW_MS,
};

let folder: string;
let board: SignalBoard;
const open = (): SignalBoard =>
  new SignalBoard({ file: join(folder, 'signals.json'), community: 'c1', operatorKey: operator.publicKey });

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commonwatt-signals-'));
  board = open();
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('demand signals', () => {
  it('are taken once, kept through a restart, and are in force in [from, to)', () => {
    board.add(operator.sign(SIGNAL), NOW_MS);
    const again = open();
    expect(again.ahead(NOW_MS)).toEqual([SIGNAL]);
    expect(again.limitW(SIGNAL.fromMs - 1)).toBeNull();
    expect(again.limitW(SIGNAL.fromMs)).toBe(20_000);
    expect(again.limitW(SIGNAL.toMs)).toBeNull();
    expect(() => again.add(operator.sign(SIGNAL), NOW_MS)).toThrow(
      expect.objectContaining({ code: 'duplicate' }),
    );
  });

  const stranger = signerFromSeed(new Uint8Array(32).fill(2));
  it.each([
    ['nothing', undefined, 'malformed', 'payload.payload'],
    ['no signature', { payload: SIGNAL }, 'unsigned', undefined],
    ['a stranger', stranger.sign(SIGNAL), 'forbidden', 'key'],
    [
      'a changed limit',
      { ...operator.sign(SIGNAL), payload: { ...SIGNAL, limitW: 1 } },
      'bad-signature',
      'signature',
    ],
    [
      'another community',
      operator.sign({ ...SIGNAL, community: 'c2' }),
      'wrong-community',
      'payload.community',
    ],
    ['a float', operator.sign({ ...SIGNAL, limitW: '20000' }), 'malformed', 'payload.limitW'],
    ['a negative limit', operator.sign({ ...SIGNAL, limitW: -1 }), 'out-of-range', 'payload.limitW'],
    [
      'an end before its start',
      operator.sign({ ...SIGNAL, toMs: SIGNAL.fromMs }),
      'out-of-range',
      'payload.toMs',
    ],
    ['the past', operator.sign({ ...SIGNAL, fromMs: NOW_MS - 2, toMs: NOW_MS - 1 }), 'too-late', undefined],
  ])('refuses %s', (_what, signed, code, field) => {
    let error: unknown;
    try {
      board.add(signed, NOW_MS);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code, ...(field === undefined ? {} : { place: { field } }) });
    expect(board.all()).toEqual([]);
  });

  it('show the import with and without, as means over the interval', () => {
    board.add(operator.sign(SIGNAL), NOW_MS);
    board.watch(SIGNAL.fromMs - HOUR_MS, SIGNAL.fromMs + HOUR_MS / 2, 30_000);
    board.watch(SIGNAL.fromMs + HOUR_MS / 2, SIGNAL.toMs, 20_000);
    const slot = (id: string, importWh: number): SlotView => ({
      slot: id,
      state: 'settled',
      priceMicroPerKwh: null,
      tradedWh: 0,
      importWh,
      exportWh: 0,
      consumptionWh: importWh,
      productionWh: 0,
    });
    const slots = new Map([
      ['before', slot('2026-06-01T12:45:00Z', 9999)],
      ['first', slot('2026-06-01T13:00:00Z', 5000)],
      ['last', slot('2026-06-01T13:45:00Z', 4000)],
      ['after', slot('2026-06-01T14:00:00Z', 9999)],
    ]);
    expect(board.views(SIGNAL.toMs, slots, 15)).toMatchObject([
      { state: 'over', importWithoutW: 25_000, importWithW: 18_000 },
    ]);
  });
});
