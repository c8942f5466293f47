import { CommonwattError } from '@commonwatt/domain';
import { changeCallHex, changeRegistry, type RegistryChange } from '@commonwatt/substrate-client';
import type { Place, Signers } from './place.ts';

/** Signs and sends a change, or prints it for a wallet. True when it is on the chain. */
export async function submit(
  change: RegistryChange,
  { chain }: Place,
  { account, accountKey }: Signers,
): Promise<boolean> {
  if (account === null) {
    const hex = await changeCallHex(change, chain, accountKey);
    console.log(hex ?? 'there is nothing to do: the chain says so already');
    return false;
  }
  const { changed, block } = await changeRegistry(change, {
    chain,
    account,
    onProgress: (text) => console.error(`${text} ...`),
  });
  console.log(
    changed ? `final in block ${block.number}` : 'there was nothing to do: the chain says so already',
  );
  return true;
}

/** The participant that a command is about. */
export function requireName(name: string | undefined): string {
  if (name !== undefined) return name;
  throw new CommonwattError('malformed', 'who? Give --name', { field: 'name' });
}
