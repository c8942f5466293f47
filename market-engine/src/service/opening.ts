import { CommonwattError, canonicalJson, slotMs, type MarketRules } from '@commonwatt/domain';
import type { Decision } from '../journal/rows.ts';
import { registryRow } from './members.ts';
import type { MarketState } from './market-state.ts';
import type { MarketOptions } from './ports.ts';

const JOURNAL_VERSION = 1;

/** What has to be written before the market may open: the journal's first row with the first registry, and rules that changed. */
export function openingRows(options: MarketOptions, state: MarketState): Decision[] {
  const { rules, firstSlot } = options;
  const { community, slotMinutes } = rules;
  const { journal } = state;
  const rows: Decision[] = [];
  if (journal === null) {
    rows.push({ type: 'journal', version: JOURNAL_VERSION, community, slotMinutes, firstSlot });
  } else if (
    journal.version !== JOURNAL_VERSION ||
    journal.community !== community ||
    journal.slotMinutes !== slotMinutes
  ) {
    throw new CommonwattError(
      'conflict',
      `the journal is of ${journal.community} with slots of ${journal.slotMinutes} minutes, version ${journal.version}`,
      {
        record: options.journalPath,
        remedy: `use another state folder for ${community} with ${slotMinutes} minutes`,
      },
    );
  }
  if (canonicalJson(state.rules?.rules ?? null) !== canonicalJson(rules)) rows.push({ type: 'rules', rules });
  if (state.registry === null) rows.push(registryRow(options));
  return rows;
}

/** Throws `malformed` for rules that contradict themselves. */
export function checkRules(rules: MarketRules): void {
  const { feedInMicroPerKwh, retailMicroPerKwh, gateClosureMs, kPercent } = rules;
  const wrong =
    feedInMicroPerKwh > retailMicroPerKwh
      ? 'the feed-in price is above the retail price'
      : gateClosureMs < 0 || gateClosureMs > rules.openSlotsAhead * slotMs(rules.slotMinutes)
        ? 'the gate would close before it opens'
        : !Number.isSafeInteger(kPercent) || kPercent < 0 || kPercent > 100
          ? 'kPercent is not a whole number from 0 to 100'
          : null;
  if (wrong !== null)
    throw new CommonwattError('malformed', `the rules of ${rules.community} are refused: ${wrong}`);
}
