import { CommonwattError } from '@commonwatt/domain';
import { createServer } from 'node:net';

const HOST = '127.0.0.1';

/** Listens on loopback and gives the address. A port that was asked for and is taken is an error; the default one gives way to a free one. */
export async function listen(
  server: { listen(options: { host: string; port: number }): Promise<string> },
  port: number,
  orAnother: boolean,
): Promise<string> {
  try {
    return await server.listen({ host: HOST, port: orAnother && !(await isFree(port)) ? 0 : port });
  } catch (error) {
    throw new CommonwattError(
      'unavailable',
      `port ${port} cannot be had: ${(error as Error).message}`,
      { remedy: 'give another --port, or 0 for a free one' },
      { cause: error },
    );
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, HOST, () => probe.close(() => resolve(true)));
  });
}
