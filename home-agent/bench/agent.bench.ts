import { mixedHomes, type Policy, simulate } from '../test/neighbourhood.ts';

const POLICIES = ['self-consumption', 'plain-market', 'agent'] as const satisfies readonly Policy[];

/** What the agent earns in the simulated neighbourhood, beside plain batteries with and without a market. Prints, returns the figures. */
export async function benchHomeAgent(print: (line: string) => void): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  const homes = mixedHomes(12);
  for (const seed of [1, 2, 3]) {
    for (const policy of POLICIES) {
      const { billMicro, importWh, loadWh, planMs, plans } = simulate(homes, 4, seed, policy);
      const bill = billMicro.reduce((sum, micro) => sum + micro, 0) / 1e6;
      const sufficiency = 1 - importWh / loadWh;
      figures[`agent.${seed}.${policy}.bill`] = bill;
      figures[`agent.${seed}.${policy}.selfSufficiency`] = sufficiency;
      if (policy === 'agent') figures['agentPlanMs'] = planMs / plans;
      print(
        `seed ${seed} ${policy.padEnd(18)} bill ${bill.toFixed(2)}, ${(100 * sufficiency).toFixed(1)} % self-sufficient`,
      );
    }
  }
  print(`a plan takes ${(figures['agentPlanMs'] ?? 0).toFixed(2)} ms`);
  return figures;
}
