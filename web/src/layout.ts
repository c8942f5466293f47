/** Where things stand on the map: streets branch off a main line that comes down from the transformer. Pure geometry, in px. */
export interface StreetMap {
  readonly width: number;
  readonly height: number;
  /** Small houses without labels, for neighbourhoods too large for them. */
  readonly dense: boolean;
  /** Of a house's own drawing; larger where there is room. */
  readonly houseScale: number;
  readonly transformer: Point;
  /** Feeder nodes, parents first; 0 is the transformer, the last `homes.length` are the homes. */
  readonly nodes: readonly (Point & { readonly parent: number })[];
  readonly homes: readonly HomeSpot[];
  /** y of each street. */
  readonly streets: readonly { readonly y: number; readonly fromX: number; readonly toX: number }[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The middle of a house's base, and which side of the street it stands on. */
export interface HomeSpot extends Point {
  readonly node: number;
  readonly side: 'above' | 'below';
}

const DENSE_FROM = 37;
const NARROW_PX = 560;

/** Where in its cell a house stands; its label is to the right. */
const HOUSE_AT = 0.26;
const SKY_PX = 122;
const SCALE_MAX = 1.4;
/** Free to the right of the last house, and below the last street. */
const MARGIN_PX = 12;
const FOOT_PX = 14;

/**
 * Lays `count` homes out for a picture `widthPx` wide and at least `heightPx` high. Where there is height to spare it takes
 * as many streets as make the houses largest; the streets are evenly filled.
 */
export function layOutStreets(count: number, widthPx: number, heightPx = 0): StreetMap {
  const width = Math.max(300, Math.round(widthPx));
  const dense = count >= DENSE_FROM;
  const { rows, columns, half, houseScale } = chooseGrid(count, width, heightPx, dense);
  const mainX = mainLineX(width);
  const cellWidth = (width - mainX - MARGIN_PX) / columns;
  // What is left over goes to the sky.
  const skyHeight = Math.max(SKY_PX, heightPx - rows * half * 2 - FOOT_PX);
  const transformer: Point = { x: mainX, y: skyHeight - 28 };
  const nodes: (Point & { parent: number })[] = [{ ...transformer, parent: -1 }];
  const spots: { x: number; y: number; trunk: number; side: 'above' | 'below' }[] = [];
  const streets: { y: number; fromX: number; toX: number }[] = [];
  let junction = 0;
  for (let row = 0; row < rows; row += 1) {
    const y = skyHeight + half + 4 + row * half * 2;
    nodes.push({ x: mainX, y, parent: junction });
    junction = nodes.length - 1;
    let upstream = junction;
    let toX = mainX;
    const first = row * columns * 2;
    const pairs = Math.min(columns, Math.ceil((count - first) / 2));
    for (let column = 0; column < pairs; column += 1) {
      const x = mainX + cellWidth * (column + (dense ? 0.5 : HOUSE_AT));
      nodes.push({ x, y, parent: upstream });
      upstream = nodes.length - 1;
      toX = x;
      spots.push({ x, y: y - Math.min(34, half * 0.31), trunk: upstream, side: 'above' });
      if (first + column * 2 + 1 < count) {
        spots.push({ x, y: y + half * 0.84, trunk: upstream, side: 'below' });
      }
    }
    streets.push({ y, fromX: mainX, toX });
  }
  const homes = spots.map(({ x, y, trunk, side }): HomeSpot => {
    nodes.push({ x, y, parent: trunk });
    return { x, y, side, node: nodes.length - 1 };
  });
  const height = skyHeight + rows * half * 2 + FOOT_PX;
  return { width, height, dense, houseScale, transformer, nodes, homes, streets };
}

const isNarrow = (width: number): boolean => width < NARROW_PX;
const mainLineX = (width: number): number => (isNarrow(width) ? 26 : 64);

interface Grid {
  readonly rows: number;
  /** Pairs of houses along a street. */
  readonly columns: number;
  /** From a street's middle to the end of its gardens. */
  readonly half: number;
  readonly houseScale: number;
}

function chooseGrid(count: number, width: number, heightPx: number, dense: boolean): Grid {
  const narrow = isNarrow(width);
  const cellMin = dense ? 58 : narrow ? 140 : 126;
  const naturalHalf = dense ? 62 : narrow ? 78 : 84;
  const room = width - mainLineX(width) - MARGIN_PX;
  const columnsMax = Math.max(1, Math.floor(room / cellMin));
  const rowsMin = Math.max(1, Math.ceil(count / (2 * columnsMax)));
  const grid = (wanted: number): Grid => {
    const columns = Math.max(1, Math.ceil(count / (2 * wanted)));
    const rows = Math.max(1, Math.ceil(count / (2 * columns)));
    const half = Math.max(
      naturalHalf,
      Math.min((heightPx - SKY_PX - FOOT_PX) / (2 * rows), naturalHalf * SCALE_MAX),
    );
    // A house with its label is 104 px wide from its middle to the right.
    const fits = dense ? room / columns / cellMin : ((room / columns) * (1 - HOUSE_AT)) / 104;
    const scale = Math.min(half / naturalHalf, fits, SCALE_MAX);
    return { rows, columns, half, houseScale: scale * (dense ? 0.68 : narrow ? 0.95 : 1) };
  };
  let best = grid(rowsMin);
  for (
    let rows = rowsMin + 1;
    SKY_PX + FOOT_PX + rows * naturalHalf * 2 <= heightPx && rows <= count;
    rows += 1
  ) {
    const next = grid(rows);
    if (next.houseScale >= best.houseScale) best = next;
  }
  return best;
}
