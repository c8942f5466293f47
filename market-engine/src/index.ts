export { BOOK_ORDERS_MAX, ENERGY_WH_MAX, PRICE_MICRO_PER_KWH_MAX } from './auction/book-rules.ts';
export { parseBook } from './auction/parse-book.ts';
export { freezeBook, frozenOrders, type BookSide, type FrozenBook } from './auction/freeze-book.ts';
export { clearBook, MECHANISMS, type Mechanism } from './auction/mechanisms.ts';
export { buildStatement, statementTotals } from './statement/build-statement.ts';
export type { Metered, StatementInput } from './statement/statement-input.ts';
export { buildSlotRecords, type SlotInputs } from './statement/slot-records.ts';
