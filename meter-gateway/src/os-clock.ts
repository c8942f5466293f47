import { execFile } from 'node:child_process';

/** What the operating system says of its clock; null when it does not say (no systemd, no rights). */
export type AskSystem = () => Promise<boolean | null>;

const ASK_EVERY_MS = 600_000;
const ASK_TIMEOUT_MS = 3000;

/** Asks systemd whether the kernel's clock follows a time server; chrony and ntpd are seen as well, because the kernel knows. */
export function askTimedatectl(): Promise<boolean | null> {
  return new Promise((resolve) => {
    const args = ['show', '--property=NTPSynchronized', '--value'];
    execFile('timedatectl', args, { timeout: ASK_TIMEOUT_MS }, (error, stdout) => {
      const answer = stdout.trim();
      resolve(error ? null : answer === 'yes' ? true : answer === 'no' ? false : null);
    });
  });
}

/** Follows whether the system's clock is synchronised. A system that does not say is believed: steps of its clock are noticed elsewhere. */
export interface OsClock {
  synchronised(): boolean;
  stop(): void;
}

/** Resolves once the system was asked for the first time: the first reading must not be signed in doubt. */
export async function watchOsClock(
  log: (line: string) => void,
  ask: AskSystem = askTimedatectl,
  everyMs: number = ASK_EVERY_MS,
): Promise<OsClock> {
  let synchronised = true;
  const look = async (): Promise<void> => {
    const now = (await ask().catch(() => null)) ?? true;
    if (now !== synchronised) {
      log(
        now
          ? "this machine's clock follows a time server again"
          : "this machine's clock follows no time server: readings say so, and the market does not settle on them; switch NTP on",
      );
    }
    synchronised = now;
  };
  await look();
  const timer = setInterval(() => void look(), everyMs);
  timer.unref();
  return { synchronised: () => synchronised, stop: () => clearInterval(timer) };
}
