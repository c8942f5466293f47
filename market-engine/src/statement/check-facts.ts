import {
  agentKeyOf,
  COMMUNITY_FUND,
  signatureHolds,
  SUPPLIER,
  type GatewayRegistration,
  type MeterReading,
  type Participant,
  type Signed,
} from '@commonwatt/domain';
import type { Fact, Facts, RecordProblem } from './facts.ts';
import { orderLimitProblem } from './order-limits.ts';

/** Adds a problem for every published fact that nobody signed, that belongs elsewhere or that breaks a limit. */
export function checkFacts(facts: Facts, problems: RecordProblem[]): void {
  const complain = (index: number, problem: string): void => {
    problems.push({ index, problem });
  };
  const participants = checkParticipants(facts, complain);
  const gateways = checkGateways(facts, participants, complain);
  checkOrders(facts, participants, complain);
  checkCancels(facts, participants, complain);
  checkReadings(facts, participants, gateways, complain);
}

type Complain = (index: number, problem: string) => void;
type Participants = ReadonlyMap<string, Participant>;
type Gateways = ReadonlyMap<string, GatewayRegistration>;

function checkParticipants({ participants, rules }: Facts, complain: Complain): Participants {
  const known = new Map<string, Participant>();
  const feeders: string[] = [];
  for (const { index, value } of participants) {
    if (known.has(value.id)) complain(index, `participant ${value.id} is listed twice`);
    const expected = value.id === SUPPLIER ? 'supplier' : value.id === COMMUNITY_FUND ? 'fund' : 'household';
    const feeder = value.role === 'feeder' && expected === 'household';
    const former = value.role === 'former' && expected === 'household';
    if (value.role !== expected && !feeder && !former)
      complain(index, `participant ${value.id} has the role ${value.role}, not ${expected}`);
    if (feeder && feeders.length > 0)
      complain(index, `participant ${value.id} is a second feeder beside ${feeders[0]}`);
    if (feeder) feeders.push(value.id);
    known.set(value.id, value);
  }
  for (const id of [SUPPLIER, COMMUNITY_FUND]) {
    if (!known.has(id)) complain(rules.index, `there is no participant ${id}`);
  }
  return known;
}

function checkGateways(facts: Facts, participants: Participants, complain: Complain): Gateways {
  const known = new Map<string, GatewayRegistration>();
  for (const { index, value } of facts.gateways) {
    const { gateway, participant, community } = value.payload;
    const what = `gateway ${gateway}`;
    if (known.has(gateway)) complain(index, `${what} is registered twice`);
    checkSigned(index, what, value, participants.get(participant), complain, ['household', 'feeder']);
    checkCommunity(index, what, community, facts, complain);
    known.set(gateway, value.payload);
  }
  return known;
}

function checkOrders(facts: Facts, participants: Participants, complain: Complain): void {
  const counts = new Map<string, number>();
  for (const { index, value } of facts.orders) {
    const { id, participant, community, slot } = value.payload;
    const what = `order ${id}`;
    checkSigned(index, what, value, participants.get(participant), complain);
    checkCommunity(index, what, community, facts, complain);
    if (slot !== facts.slot) complain(index, `${what} is for slot ${slot}`);
    const broken = orderLimitProblem(value.payload, facts.rules.value);
    if (broken) complain(index, `${what}: ${broken.field} ${broken.rule}`);
    const count = (counts.get(participant) ?? 0) + 1;
    counts.set(participant, count);
    if (count > facts.rules.value.ordersMaxPerParticipant) {
      complain(index, `${what} is one more than ${participant} may have`);
    }
  }
}

function checkCancels(facts: Facts, participants: Participants, complain: Complain): void {
  const orders = new Map(facts.orders.map(({ value }) => [value.payload.id, value.payload]));
  for (const { index, value } of facts.cancels) {
    const { id, participant, community, slot, revision } = value.payload;
    const what = `the cancel of ${id}`;
    checkSigned(index, what, value, participants.get(participant), complain);
    checkCommunity(index, what, community, facts, complain);
    if (slot !== facts.slot) complain(index, `${what} is for slot ${slot}`);
    const order = orders.get(id);
    if (order && order.participant === participant && order.revision < revision) {
      complain(index, `order ${id} was taken back, yet it is in the book`);
    }
  }
}

function checkReadings(
  facts: Facts,
  participants: Participants,
  gateways: Gateways,
  complain: Complain,
): void {
  const metered = new Map<string, number>();
  const cover = (index: number, participant: string): void => {
    if (metered.has(participant)) complain(index, `${participant} is metered twice`);
    metered.set(participant, index);
    const known = participants.get(participant);
    if (!known) complain(index, `${participant} is no participant`);
    else if (known.role === 'former') complain(index, `${participant} takes part no more`);
  };
  for (const { index, value } of facts.readings) {
    const { participant, slot } = value.payload;
    checkReading({ index, value }, facts, gateways.get(value.payload.gateway), complain);
    if (slot !== facts.slot) complain(index, `the reading of ${participant} is for slot ${slot}`);
    cover(index, participant);
  }
  for (const { index, value } of facts.estimates) {
    if (value.slot !== facts.slot)
      complain(index, `the estimate of ${value.participant} is for slot ${value.slot}`);
    if (participants.get(value.participant)?.role === 'feeder')
      complain(index, `${value.participant} is estimated, yet a feeder's reading is there or missing`);
    cover(index, value.participant);
  }
  for (const { index, value } of facts.trueUps) {
    const { reading, registration } = value;
    if (registration && !signatureHolds(registration)) {
      complain(index, `the signature of the registration of ${registration.payload.gateway} does not hold`);
    }
    const registered = registration?.payload ?? gateways.get(reading.payload.gateway);
    checkReading({ index, value: reading }, facts, registered, complain);
  }
  for (const { index, value } of facts.participants) {
    if (value.role === 'household' && !metered.has(value.id)) {
      complain(index, `${value.id} has neither a reading nor an estimate`);
    }
  }
}

/** Signed by the key that the participant registered for the gateway, and taken with a clock that was right. */
function checkReading(
  { index, value }: Fact<Signed<MeterReading>>,
  facts: Facts,
  registration: GatewayRegistration | undefined,
  complain: Complain,
): void {
  const { gateway, participant, community, clockSynchronised } = value.payload;
  const what = `the reading of ${participant}`;
  if (registration?.gateway !== gateway)
    complain(index, `${what} comes from gateway ${gateway}, which nobody registered`);
  else if (registration.participant !== participant) {
    complain(index, `${what} comes from gateway ${gateway} of ${registration.participant}`);
  } else if (registration.gatewayKey !== value.key) {
    complain(index, `${what} is signed with another key than that of gateway ${gateway}`);
  }
  if (!signatureHolds(value)) complain(index, `the signature of ${what} does not hold`);
  if (!clockSynchronised) complain(index, `${what} was taken with a clock that was not synchronised`);
  checkCommunity(index, what, community, facts, complain);
}

function checkSigned(
  index: number,
  what: string,
  signed: Signed<unknown>,
  signer: Participant | undefined,
  complain: Complain,
  roles: readonly Participant['role'][] = ['household'],
): void {
  if (!signer) complain(index, `${what} is signed by nobody who takes part`);
  else if (!roles.includes(signer.role))
    complain(index, `${what} is of ${signer.id}, which is no ${roles.join(' and no ')}`);
  else if (agentKeyOf(signer) !== signed.key)
    complain(index, `${what} is signed with another key than ${signer.id}'s`);
  if (!signatureHolds(signed)) complain(index, `the signature of ${what} does not hold`);
}

function checkCommunity(
  index: number,
  what: string,
  community: string,
  facts: Facts,
  complain: Complain,
): void {
  const expected = facts.rules.value.community;
  if (community !== expected) complain(index, `${what} is for community ${community}, not ${expected}`);
}
