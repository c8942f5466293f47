import { describe, expect, it } from 'vitest';
import { connectWallets, walletNames } from './wallet.ts';

const wallet = (accounts: object[], signature = '0x01') => ({
  enable: async () => ({
    accounts: { get: async () => accounts },
    signer: { signPayload: async () => ({ id: 1, signature }) },
  }),
});

describe('wallets', () => {
  it('there are none', async () => {
    expect(walletNames({})).toEqual([]);
    await expect(connectWallets({})).rejects.toThrow('no wallet here has an account');
  });

  it('give their accounts, not those of other chains; who refuses is left out', async () => {
    const host = {
      injectedWeb3: {
        one: wallet([
          { address: '5A', name: 'mine', type: 'sr25519' },
          { address: '0xE', type: 'ethereum' },
        ]),
        two: { enable: () => Promise.reject(new Error('not allowed')) },
        three: { connect: wallet([{ address: '5B' }], '0x02').enable },
        four: {},
      },
    };
    expect(walletNames(host)).toEqual(['one', 'two', 'three', 'four']);
    const accounts = await connectWallets(host);
    expect(accounts.map(({ address, name, wallet: from }) => [address, name, from])).toEqual([
      ['5A', 'mine', 'one'],
      ['5B', '', 'three'],
    ]);
    expect(await accounts[1]?.sign({})).toBe('0x02');
  });

  it('say why there is no account', async () => {
    const host = { injectedWeb3: { two: { enable: () => Promise.reject(new Error('not allowed')) } } };
    await expect(connectWallets(host)).rejects.toThrow('two: not allowed');
  });
});
