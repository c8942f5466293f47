import type { BrowseResult, ClientSession, DataValue } from 'node-opcua';
import { expandNode } from './node-id.ts';
import type { OpcuaConnection } from './session.ts';
import { unitOfCode } from './units.ts';
import { numberOf } from './values.ts';

/** A variable of a server, found by browsing. */
export interface FoundVariable {
  /** `nsu=URI;s=TEXT`. */
  readonly node: string;
  /** Browse names from below the Objects folder down to the variable. */
  readonly path: readonly string[];
  /** As EngineeringUnits says: `kWh`; null where there are none. */
  readonly unit: string | null;
  /** The value as it was, or null where it is no number or not good. */
  readonly value: number | null;
}

export interface BrowseLimits {
  readonly nodesMax?: number;
  readonly depthMax?: number;
  /** For the whole of it. */
  readonly durationMaxMs?: number;
  /** For each request. */
  readonly timeoutMs?: number;
}

export interface BrowseOutcome {
  readonly variables: readonly FoundVariable[];
  readonly nodes: number;
  /** Why not everything was looked at; null when it was. */
  readonly cut: string | null;
}

interface Visit {
  readonly nodeId: string;
  readonly path: readonly string[];
  readonly variable: boolean;
}

const OBJECTS = 'i=85';
/** The server's own diagnostics, and lists of aliases: nothing is measured there. */
const SKIPPED = new Set(['i=2253', 'i=23470', 'i=31914']);
const HIERARCHICAL = 'i=33';
const FORWARD = 0;
const OBJECTS_AND_VARIABLES = 3;
const ALL_FIELDS = 63;
const VALUE = 13;
const NODES_AT_ONCE = 20;
const VALUES_AT_ONCE = 50;
const CONTINUATIONS_MAX = 200;

/**
 * Walks a server's objects, breadth first, and reads every variable once (OPC 10000-4, 5.8.2 and 5.8.3). Loops are entered once; number of
 * nodes, depth, time and each request are bounded. Throws CommonwattError `unavailable` when the server fails; nothing is written.
 */
export async function browseVariables(
  connection: OpcuaConnection,
  limits: BrowseLimits = {},
  progress: (line: string) => void = () => {},
): Promise<BrowseOutcome> {
  const { nodesMax = 5000, depthMax = 12, durationMaxMs = 60_000, timeoutMs = 5000 } = limits;
  const endMs = performance.now() + durationMaxMs;
  const seen = new Set([OBJECTS]);
  const variables: Visit[] = [];
  const units = new Map<string, string>();
  let cut: string | null = null;
  let level: Visit[] = [{ nodeId: OBJECTS, path: [], variable: false }];
  let namespaces: readonly string[] = [];
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > depthMax) {
      cut = `deeper than ${depthMax} levels`;
      break;
    }
    const next: Visit[] = [];
    for (let from = 0; from < level.length && cut === null; from += NODES_AT_ONCE) {
      const batch = level.slice(from, from + NODES_AT_ONCE);
      const answers = await connection.use(
        `browse of ${batch.length} nodes`,
        (live) => {
          namespaces = live.namespaces;
          return childrenOf(live.session, batch, nodesMax);
        },
        timeoutMs,
      );
      for (const [index, children] of answers.entries()) {
        const parent = batch[index] as Visit;
        for (const { nodeId, name, variable } of children) {
          if (name === 'EngineeringUnits') units.set(parent.nodeId, nodeId);
          if (seen.has(nodeId) || SKIPPED.has(nodeId)) continue;
          if (seen.size >= nodesMax) cut = `more than ${nodesMax} nodes`;
          else if (performance.now() > endMs) cut = `longer than ${durationMaxMs / 1000} s`;
          if (cut !== null) break;
          seen.add(nodeId);
          const visit = { nodeId, path: [...parent.path, name], variable };
          next.push(visit);
          if (variable) variables.push(visit);
        }
      }
    }
    progress(`level ${depth}: ${seen.size} nodes, ${variables.length} variables`);
    if (cut !== null) break;
    level = next;
  }
  const found = await valuesOf(connection, variables, units, namespaces, { endMs, timeoutMs });
  return { variables: found, nodes: seen.size, cut };
}

interface Child {
  readonly nodeId: string;
  readonly name: string;
  readonly variable: boolean;
}

/** The children of each node, over as many continuation points as the server makes of it; it has few, so some nodes are asked again alone. */
async function childrenOf(
  session: ClientSession,
  batch: readonly Visit[],
  childrenMax: number,
): Promise<Child[][]> {
  const ask = ({ nodeId }: Visit) => ({
    nodeId,
    referenceTypeId: HIERARCHICAL,
    browseDirection: FORWARD,
    includeSubtypes: true,
    nodeClassMask: OBJECTS_AND_VARIABLES,
    resultMask: ALL_FIELDS,
  });
  const found: Child[][] = [];
  const results = await session.browse(batch.map(ask));
  for (const result of results) found.push(await allOf(session, result, childrenMax));
  for (const [index, visit] of batch.entries()) {
    if (results[index]?.statusCode.name !== 'BadNoContinuationPoints') continue;
    found[index] = await allOf(session, await session.browse(ask(visit)), childrenMax);
  }
  return found;
}

async function allOf(session: ClientSession, first: BrowseResult, childrenMax: number): Promise<Child[]> {
  const children = take(first);
  let at = first;
  for (let more = 0; more < CONTINUATIONS_MAX && hasMore(at); more += 1) {
    const full = children.length >= childrenMax;
    // A continuation point that is not taken up holds memory in the device until the session ends.
    at = await session.browseNext(at.continuationPoint, full);
    if (full) break;
    children.push(...take(at));
  }
  return children;
}

function hasMore({ continuationPoint }: BrowseResult): boolean {
  return continuationPoint !== null && continuationPoint !== undefined && continuationPoint.length > 0;
}

function take({ references, statusCode }: BrowseResult): Child[] {
  if (!statusCode.isGoodish()) return [];
  return (references ?? [])
    .filter(({ nodeId }) => nodeId.serverIndex === 0)
    .map(({ nodeId, browseName, nodeClass }) => ({
      nodeId: nodeId.toString().replace(/^ns=0;/, ''),
      name: browseName.name ?? '',
      variable: Number(nodeClass) === 2,
    }));
}

async function valuesOf(
  connection: OpcuaConnection,
  variables: readonly Visit[],
  units: ReadonlyMap<string, string>,
  namespaces: readonly string[],
  { endMs, timeoutMs }: { endMs: number; timeoutMs: number },
): Promise<FoundVariable[]> {
  const found: FoundVariable[] = [];
  const properties = new Set(units.values());
  const measured = variables.filter(({ nodeId }) => !properties.has(nodeId));
  for (let from = 0; from < measured.length && performance.now() < endMs; from += VALUES_AT_ONCE) {
    const batch = measured.slice(from, from + VALUES_AT_ONCE);
    const withUnit = batch.filter(({ nodeId }) => units.has(nodeId));
    const ids = [
      ...batch.map(({ nodeId }) => nodeId),
      ...withUnit.map(({ nodeId }) => units.get(nodeId) ?? ''),
    ];
    const answers = await connection.use(
      `read of ${ids.length} nodes`,
      ({ session }) => session.read(ids.map((nodeId) => ({ nodeId, attributeId: VALUE }))),
      timeoutMs,
    );
    const unitText = new Map(
      withUnit.map(({ nodeId }, index) => [nodeId, unitIn(answers[batch.length + index])]),
    );
    for (const [index, { nodeId, path }] of batch.entries()) {
      const value = numberOf(answers[index]);
      found.push({
        node: expandNode(nodeId, namespaces),
        path,
        unit: unitText.get(nodeId) ?? null,
        value: value === undefined || Number.isNaN(value) ? null : value,
      });
    }
  }
  return found;
}

/** The display name of an EUInformation (OPC 10000-8, 5.6.4.3), or what its UN/CEFACT code stands for. */
function unitIn(data: DataValue | undefined): string | null {
  const value = data?.value.value as
    { displayName?: { text?: string | null }; unitId?: number } | null | undefined;
  const text = value?.displayName?.text?.trim();
  if (text !== undefined && text !== '') return text;
  return value?.unitId === undefined ? null : unitOfCode(value.unitId);
}
