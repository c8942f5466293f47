/**
 * Where the power on a radial feeder goes. Nodes form a tree, parents before children; node 0 is the transformer.
 * Every node draws `drawnW` (negative: feeds in). Each edge runs from a node's parent to the node.
 */
export interface FeederFlows {
  /** Power on the edge above each node, positive away from the transformer. Edge 0 is the grid connection. */
  readonly edgeW: readonly number[];
  /** Of what flows on that edge, the share that neighbours made, 0 to 1. */
  readonly localShare: readonly number[];
}

/**
 * Adds up the edges from the leaves and traces origins by proportional sharing: what leaves a node has the mix of
 * what enters it (Bialek, "Tracing the flow of electricity", 1996). Losses are left out.
 */
export function traceFlows(parents: readonly number[], drawnW: readonly number[]): FeederFlows {
  const edgeW = parents.map((_, node) => drawnW[node] ?? 0);
  for (let node = parents.length - 1; node > 0; node -= 1) {
    const parent = parents[node] ?? 0;
    edgeW[parent] = (edgeW[parent] ?? 0) + (edgeW[node] ?? 0);
  }
  const children: number[][] = parents.map(() => []);
  parents.forEach((parent, node) => {
    if (node > 0) children[parent]?.push(node);
  });
  const mixes = new Map<number, number>();

  /** Flows on a tree cannot go in a circle, so this ends. */
  function mixAt(node: number): number {
    const known = mixes.get(node);
    if (known !== undefined) return known;
    let inflowW = Math.max(0, -(drawnW[node] ?? 0));
    let localW = inflowW;
    const above = edgeW[node] ?? 0;
    if (above > 0) {
      inflowW += above;
      localW += node === 0 ? 0 : above * mixAt(parents[node] ?? 0);
    }
    for (const child of children[node] ?? []) {
      const fromChildW = -(edgeW[child] ?? 0);
      if (fromChildW > 0) {
        inflowW += fromChildW;
        localW += fromChildW * mixAt(child);
      }
    }
    const mix = inflowW > 0 ? localW / inflowW : 0;
    mixes.set(node, mix);
    return mix;
  }

  const localShare = edgeW.map((flowW, node) => {
    if (flowW > 0) return node === 0 ? 0 : mixAt(parents[node] ?? 0);
    return flowW < 0 ? mixAt(node) : 0;
  });
  return { edgeW, localShare };
}

/** Line width in px for a power; grows with the root, so a kettle shows and a street does not swamp it. */
export function flowWidth(powerW: number): number {
  return Math.min(14, 1.5 + Math.sqrt(Math.abs(powerW)) / 11);
}
