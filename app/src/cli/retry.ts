import { CommonwattError, SLOT_PATTERN } from '@commonwatt/domain';
import { createMarketClient } from '@commonwatt/market-engine';
import type { Command } from '../main.ts';
import { signerOfState } from '../run/keys.ts';
import { givenPassphrase } from '../run/passphrase.ts';
import { readOptions } from './options.ts';
import { findStateDir, runningIn } from './states.ts';

const HELP = `commonwatt retry SLOT [--state DIR] [--passphrase-file FILE]

Lets a slot that waits for the operator (state needsOperator) go on in a running neighbourhood, once the cause is gone.
SLOT is its start, like 2026-06-01T12:00:00Z. Which slots wait, and why: GET /v1/slots?state=needsOperator.`;

/** The operator's retry of one slot. */
export const retryCommand: Command = async (args) => {
  const { values, positionals } = readOptions(
    args,
    { state: { type: 'string' }, 'passphrase-file': { type: 'string' }, help: { type: 'boolean' } },
    1,
  );
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const [slot] = positionals;
  if (slot === undefined || !SLOT_PATTERN.test(slot)) {
    throw new CommonwattError('malformed', `${JSON.stringify(slot ?? '')} is no slot`, {
      field: 'SLOT',
      remedy: 'give its start, like 2026-06-01T12:00:00Z',
    });
  }
  const dir = findStateDir(values.state, (candidate) => runningIn(candidate) !== null);
  const running = runningIn(dir);
  if (running === null)
    throw new CommonwattError('unavailable', `no neighbourhood runs in ${dir}`, { remedy: 'start it first' });
  const client = createMarketClient({ baseUrl: running.address });
  const operator = await signerOfState(dir, 'operator', givenPassphrase(values['passphrase-file']));
  const { state } = await client.retrySlot(operator, running.community, slot);
  console.log(`${slot}: ${state}`);
  return 0;
};
