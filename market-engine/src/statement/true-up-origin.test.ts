import type { BundleRecord } from '@commonwatt/domain';
import { expect, it } from 'vitest';
import { EARLIER_SLOT, registrationOf, signerOf, trueUpOf } from './community.fixture.ts';
import { trueUpOriginProblem } from './true-up-origin.ts';

const trueUp = trueUpOf('alice', [900, 0], [1000, 0], -800);
const { payload } = registrationOf('alice');
const otherKey = signerOf('alice').sign({ ...payload, gatewayKey: signerOf('bob').publicKey });
const earlier: BundleRecord[] = [
  { type: 'gateway', registration: registrationOf('alice') },
  { type: 'estimate', estimate: { ...trueUp.estimate, participant: 'bob' } },
  { type: 'estimate', estimate: trueUp.estimate },
  {
    type: 'position',
    position: {
      participant: 'alice',
      meteredWh: -900,
      tradedWh: -800,
      imbalanceWh: -100,
      source: 'estimate',
    },
  },
];

it.each([
  ['its own slot', trueUp, earlier, undefined],
  [
    'a slot that read the meter',
    trueUp,
    [earlier[0]!, ...earlier.slice(3)],
    `alice was not settled on this estimate in ${EARLIER_SLOT}`,
  ],
  [
    'another estimate',
    trueUpOf('alice', [901, 0], [1000, 0], -800),
    earlier,
    `alice was not settled on this estimate in ${EARLIER_SLOT}`,
  ],
  [
    'another trade',
    trueUpOf('alice', [900, 0], [1000, 0]),
    earlier,
    `alice had traded -800 Wh in ${EARLIER_SLOT}, not 0`,
  ],
  [
    'another key of its gateway',
    trueUp,
    [{ type: 'gateway', registration: otherKey } as const, ...earlier.slice(1)],
    `gateway gw-alice was not registered with this key in ${EARLIER_SLOT}`,
  ],
])('holds a true-up against %s', (_, trueUp, records, problem) => {
  expect(trueUpOriginProblem(trueUp, records)).toBe(problem);
});
