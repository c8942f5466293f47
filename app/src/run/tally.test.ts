import { DEFAULT_RULES, type BundleRecord, type MeterReading } from '@commonwatt/domain';
import { describe, expect, it } from 'vitest';
import { consumptionWh, Tally } from './tally.ts';

const rules = { community: 'c1', ...DEFAULT_RULES };
const SLOT = '2026-06-01T12:00:00Z';

function reading(participant: string, importWh: number, exportWh: number, pvWh: number | null): BundleRecord {
  const payload: MeterReading = {
    type: 'reading',
    community: 'c1',
    gateway: `gw-${participant}`,
    participant,
    slot: SLOT,
    sequence: 0,
    previousHash: '0'.repeat(64),
    importWh,
    exportWh,
    importCounterWh: importWh,
    exportCounterWh: exportWh,
    epoch: 0,
    pvWh,
    batteryChargedWh: null,
    batteryDischargedWh: null,
    stateOfChargePermille: null,
    flags: [],
    deviceTimeMs: null,
    gatewayTimeMs: 0,
    clockSynchronised: true,
  };
  return { type: 'reading', reading: { payload, key: '', signature: '' } };
}

const position = (participant: string, meteredWh: number, tradedWh: number): BundleRecord => ({
  type: 'position',
  position: { participant, meteredWh, tradedWh, imbalanceWh: meteredWh - tradedWh, source: 'reading' },
});
const line = (participant: string, amountNano: string): BundleRecord => ({
  type: 'line',
  line: { participant, reason: 'sold', energyWh: 0, priceMicroPerKwh: 0, amountNano, text: '' },
});

/** Anna exports 600 of 1,000 Wh made and sells 500 of it at 0.15 to Ben, who needs 800. */
const RECORDS: BundleRecord[] = [
  reading('anna', 0, 600, 1000),
  reading('ben', 800, 0, null),
  {
    type: 'clearing',
    clearing: {
      slot: SLOT,
      mechanism: 'uniform',
      bookHash: '',
      volumeWh: 500,
      priceMicroPerKwh: 150_000,
      priceInterval: [150_000, 150_000],
      fills: [],
      trades: [
        { bidId: 'b', offerId: 'o', buyer: 'ben', seller: 'anna', energyWh: 500, priceMicroPerKwh: 150_000 },
      ],
    },
  },
  position('anna', 600, 500),
  position('ben', -800, -500),
  line('anna', '75000000'),
  line('anna', '8000000'),
  line('ben', '-75000000'),
  line('ben', '-75000000'),
  line('supplier', '50000000'),
  line('community-fund', '17000000'),
];

describe('the tally of settled slots', () => {
  it('sums energy and money, and counts a slot once', () => {
    const tally = new Tally(rules, ['anna', 'ben']);
    tally.add(SLOT, 'settled', RECORDS);
    tally.add(SLOT, 'settled', RECORDS);
    const result = tally.result();
    expect(result).toMatchObject({
      tradedWh: 500,
      productionWh: 1000,
      consumptionWh: 1200,
      netImportWh: 200,
      energyBalances: true,
      cashSumsToZero: true,
      // Ben pays 0.150, Anna earns 0.083; without the market Ben pays 0.200 and Anna earns 0.048.
      billWithMarketMicro: 67_000n,
      billWithoutMarketMicro: 152_000n,
    });
    expect(result.selfSufficiency).toBeCloseTo(1 - 200 / 1200);
    expect(consumptionWh(result.homes.get('anna') as never)).toBe(400);
  });

  it.each<[string, (records: BundleRecord[]) => BundleRecord[], string]>([
    ['a nano too much', (records) => [...records, line('anna', '1')], 'cashSumsToZero'],
    [
      'a position that does not add up',
      (records) => [
        ...records,
        {
          type: 'position',
          position: { participant: 'x', meteredWh: 1, tradedWh: 0, imbalanceWh: 0, source: 'reading' },
        },
      ],
      'energyBalances',
    ],
    [
      'a reading that no position has',
      (records) => [...records, reading('ben', 1, 0, null)],
      'energyBalances',
    ],
  ])('sees %s', (_what, change, check) => {
    const tally = new Tally(rules, ['anna', 'ben']);
    tally.add(SLOT, 'settled', change(RECORDS));
    expect(tally.result()).toMatchObject({ [check]: false });
  });
});
