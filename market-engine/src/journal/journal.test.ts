import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SLOT, makeHomes, order, reading } from '../service/test-kit.ts';
import { openJournal } from './journal.ts';
import { intakeKey, type Decision, type Intake } from './rows.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commonwatt-journal-'));
  path = join(folder, 'market.sqlite');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const [home] = makeHomes(1);
const bid = (revision: number, slot = SLOT): Intake => ({
  type: 'order',
  signed: order(home!, { revision, slot }),
});
const late: Decision = {
  type: 'late',
  slot: SLOT,
  estimate: { participant: 'home-01', slot: SLOT, importWh: 1, exportWh: 0, basis: 'x' },
  reading: { gateway: 'gw-home-01', slot: SLOT, sequence: 0 },
  tradedWh: -3,
};

describe('the journal', () => {
  it('gives back what was acknowledged, in order, by slot and by key', async () => {
    const journal = openJournal(path);
    await Promise.all([
      journal.append(bid(0)),
      journal.append(bid(1)),
      journal.append(bid(0, '2026-06-01T12:15:00Z')),
    ]);
    journal.commit([late], { type: 'reading', signed: reading(home!) });
    journal.close();
    const again = openJournal(path);
    expect(again.intakeOf(SLOT).map(({ seq, row }) => [seq, row.type])).toEqual([
      [1, 'order'],
      [2, 'order'],
      [4, 'reading'],
    ]);
    expect(again.intakeByKey(intakeKey(bid(1)))?.row).toEqual(bid(1));
    expect(again.intakeByKey(intakeKey(bid(2)))).toBeNull();
    expect([...again.decisions()]).toEqual([{ seq: 5, row: late }]);
    expect(again.decisionsOf(SLOT)).toHaveLength(1);
    expect(again.decisionAt(5)).toEqual(late);
    expect(again.commit([late])).toBe(6);
    again.close();
  });

  it('shares one fsync among all that arrive together', async () => {
    const journal = openJournal(path);
    await Promise.all(Array.from({ length: 100 }, (_, revision) => journal.append(bid(revision))));
    expect(journal.statistics).toMatchObject({ rows: 100, commits: 1 });
    journal.close();
  });

  it('refuses everything after a failed write, and keeps what was before', async () => {
    const journal = openJournal(path, {
      beforeCommit: (commit) => {
        if (commit === 1) throw new Error('disk full');
      },
    });
    await journal.append(bid(0));
    await expect(journal.append(bid(1))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('disk full'),
    });
    await expect(journal.append(bid(2))).rejects.toMatchObject({ code: 'unavailable' });
    await expect(journal.flushed()).rejects.toMatchObject({ code: 'unavailable' });
    expect(() => journal.commit([late])).toThrow('cannot be written');
    journal.close();
    expect(openJournal(path).intakeOf(SLOT)).toHaveLength(1);
  });

  it('writes on a thread under load, in order with what the main thread decides', async () => {
    const journal = openJournal(path);
    const acknowledged: number[] = [];
    let revision = 0;
    const send = (count: number): Promise<unknown> =>
      Promise.all(
        Array.from({ length: count }, () => {
          const mine = revision++;
          return journal.append(bid(mine)).then(() => acknowledged.push(mine));
        }),
      );
    await send(200);
    const { commits } = journal.statistics;
    // Time for the thread to start, under a trickle.
    for (let round = 0; round < 100; round++) {
      await Promise.all([send(3), new Promise((resolve) => setTimeout(resolve, 5))]);
    }
    const last = [send(40), send(40)];
    await new Promise((resolve) => setImmediate(resolve));
    const more = send(10);
    // A group is on its way, another one gathers: the decision comes after both.
    const seq = journal.commit([late]);
    expect(journal.intakeOf(SLOT)).toHaveLength(revision);
    expect(seq).toBe(revision + 1);
    await Promise.all([...last, more, journal.flushed()]);
    await send(5);
    expect(acknowledged.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: revision }, (_, index) => index),
    );
    expect(journal.statistics.commits).toBeGreaterThan(commits + 50);
    journal.close();
    const again = openJournal(path);
    expect(again.intakeOf(SLOT)).toHaveLength(revision);
    again.close();
  });

  it('fails as one when the thread cannot write', async () => {
    const journal = openJournal(path);
    const send = (from: number, count: number) =>
      Promise.allSettled(Array.from({ length: count }, (_, index) => journal.append(bid(from + index))));
    await send(0, 100);
    await new Promise((resolve) => setTimeout(resolve, 500));
    // A key that is there: the whole group fails, and nothing is acknowledged from then on.
    const outcomes = await send(99, 3);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(journal.failed).toBe(true);
    await expect(journal.append(bid(500))).rejects.toMatchObject({ code: 'unavailable' });
    journal.close();
  });

  it('takes a key once only', async () => {
    const journal = openJournal(path);
    await journal.append(bid(0));
    await expect(journal.append(bid(0))).rejects.toMatchObject({ code: 'unavailable' });
    journal.close();
  });

  it('says so when the file is no journal', () => {
    writeFileSync(path, 'this is a diary, not a journal'.repeat(100));
    expect(() => openJournal(path)).toThrow("cannot open the market's journal");
    expect(() => openJournal(join(folder, 'nowhere', 'x.sqlite'))).toThrow(
      "cannot open the market's journal",
    );
  });
});
