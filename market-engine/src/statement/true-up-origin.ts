import { canonicalJson, type BundleRecord, type TrueUp } from '@commonwatt/domain';

/**
 * What is wrong with a true-up against the published records of the slot it corrects, or nothing: that slot was settled on this very
 * estimate, and the participant had traded there what the true-up says. For a verifier who has both bundles.
 */
export function trueUpOriginProblem(trueUp: TrueUp, earlier: readonly BundleRecord[]): string | undefined {
  const { participant, slot } = trueUp.estimate;
  const expected = canonicalJson(trueUp.estimate);
  const isThere = earlier.some(
    (record) => record.type === 'estimate' && canonicalJson(record.estimate) === expected,
  );
  if (!isThere) return `${participant} was not settled on this estimate in ${slot}`;
  const { gateway } = trueUp.reading.payload;
  const isRegistered = earlier.some(
    (record) =>
      record.type === 'gateway' &&
      record.registration.payload.gateway === gateway &&
      record.registration.payload.participant === participant &&
      record.registration.payload.gatewayKey === trueUp.reading.key,
  );
  if (!isRegistered) return `gateway ${gateway} was not registered with this key in ${slot}`;
  const tradedWh = earlier.flatMap((record) =>
    record.type === 'position' && record.position.participant === participant
      ? [record.position.tradedWh]
      : [],
  )[0];
  if (tradedWh !== (trueUp.tradedWh ?? 0)) {
    return `${participant} had traded ${tradedWh} Wh in ${slot}, not ${trueUp.tradedWh ?? 0}`;
  }
  return undefined;
}
