/** Stops what was started, last first; every part gets its chance even if another fails. */
export class Closing {
  readonly #steps: (readonly [what: string, close: () => unknown])[] = [];

  add(what: string, close: () => unknown): void {
    this.#steps.push([what, close]);
  }

  async run(say: (line: string) => void): Promise<void> {
    for (const [what, close] of this.#steps.toReversed()) {
      try {
        await close();
      } catch (error) {
        say(`stopping ${what}: ${(error as Error).message}`);
      }
    }
  }
}
