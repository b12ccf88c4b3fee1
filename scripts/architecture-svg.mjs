/**
 * `node scripts/architecture-svg.mjs`: draws docs/architecture.svg: the imports below `src`, and
 * next to them the way of a round through the LevelDB backend. A test compares the file with the
 * output of this module.
 *
 * A room is a file or folder directly below `src`, or a folder directly below `src/adapter`. An
 * arrow means "imports". Arrows that follow from other arrows are omitted.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const TARGET = join(ROOT, 'docs', 'architecture.svg');

/** The purpose of each room, shown in the picture. A room without an entry shows only its name. */
const PURPOSES = {
  errors: 'one error class, one table of codes',
  base: 'files, locks, threads, waiting',
  metrics: 'one table of metrics',
  keys: 'the key space',
  cbor: 'records are written here',
  model: 'a protocol: types, hashes, codecs',
  adapter: 'the port and the planner',
  'adapter/level': 'LevelDB backend',
  'adapter/postgres': 'a store on PostgreSQL',
  'adapter/wal': 'segment-file backend',
  migrations: 'import, export, schema steps',
  avail: 'node side: lanes, votes',
  prometheus: 'metrics for prom-client',
  opentelemetry: 'metrics for OpenTelemetry',
  index: 'everything public',
  conformance: 'suite for every backend',
  inspector: 'manifest of a state',
  cli: 'the lanestore command',
};

/** The stations of a round: name, what happens, and the folder that must contain the code. */
const STATIONS = [
  ['encode', 'check each entry, make its record', 'src/adapter/level/write'],
  ['plan', 'the rules: a plan, or a refusal', 'src/adapter'],
  ['admit', 'limits, queue budget, free disk', 'src/adapter/level'],
  ['queue', 'waits for the batch in flight', 'src/adapter/level/write'],
  ['compose', 'puts, deletes, tip first', 'src/adapter/level/write'],
  ['values', 'large records, synced first', 'src/adapter/level/values'],
  ['batch + sync', 'one LevelDB batch, one fdatasync', 'src/adapter/level'],
  ['witness', '36 bytes name the batch', 'src/adapter/level/format'],
  ['settle', 'hooks fire, promises resolve', 'src/adapter/level/write'],
];

const BOX = { width: 212, height: 44, gapX: 20, gapY: 34 };
const WAYPOINT_WIDTH = 8;
const MARGIN = 24;
const TITLE = 34;
const COLUMN_GAP = 64;
const FONT = 'ui-sans-serif, system-ui, sans-serif';

/** The sources that a file imports, as absolute paths, without packages. */
function importsOf(file) {
  const text = readFileSync(file, 'utf8');
  const paths = [...text.matchAll(/(?:from|import\() ?'(\.[^']+)'/g)].map((match) => match[1]);
  return paths.map((path) => resolve(dirname(file), path).replace(/\.js$/, '.ts'));
}

function roomOf(file) {
  const parts = relative(join(ROOT, 'src'), file).replace(/\.ts$/, '').split('/');
  return parts[0] === 'adapter' && parts.length > 2 ? parts.slice(0, 2).join('/') : parts[0];
}

/** Room -> the rooms that it imports. */
function roomImports() {
  const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(ROOT, 'src', name))
    .sort();
  const imports = new Map();
  for (const file of files) {
    const room = roomOf(file);
    const targets = imports.get(room) ?? new Set();
    for (const imported of importsOf(file)) if (roomOf(imported) !== room) targets.add(roomOf(imported));
    imports.set(room, targets);
  }
  return imports;
}

/** Room -> every room that it imports, directly or indirectly. @throws if imports form a circle. */
function reachableRooms(imports) {
  const reachable = new Map();
  const visit = (room, path) => {
    if (path.includes(room)) throw new Error(`rooms import each other: ${[...path, room].join(' -> ')}`);
    if (reachable.has(room)) return reachable.get(room);
    const found = new Set();
    for (const target of imports.get(room) ?? []) {
      found.add(target);
      for (const further of visit(target, [...path, room])) found.add(further);
    }
    reachable.set(room, found);
    return found;
  };
  for (const room of imports.keys()) visit(room, []);
  return reachable;
}

/** The imports without those that follow from other imports. */
function arrowsOf(imports, reachable) {
  return [...imports].flatMap(([room, targets]) =>
    [...targets]
      .filter((target) => ![...targets].some((between) => between !== target && reachable.get(between).has(target)))
      .map((target) => [room, target]),
  );
}

/**
 * Rooms in rows from top to bottom: each room is directly below the lowest room that imports it.
 */
function rowsOf(imports) {
  const importersOf = (room) => [...imports.keys()].filter((importer) => imports.get(importer).has(room));
  const depths = new Map();
  const depthOf = (room) => {
    if (!depths.has(room)) depths.set(room, Math.max(0, ...importersOf(room).map((importer) => depthOf(importer) + 1)));
    return depths.get(room);
  };
  for (const room of imports.keys()) depthOf(room);
  // A room without importers is placed directly above the rooms that it imports.
  for (const room of imports.keys())
    if (importersOf(room).length === 0)
      depths.set(room, Math.min(...[...imports.get(room)].map((target) => depths.get(target))) - 1);
  const rows = [];
  for (const room of [...imports.keys()].sort()) rows[depths.get(room)] = [...(rows[depths.get(room)] ?? []), room];
  return rows;
}

/**
 * Arrows as chains from row to row. An arrow has a waypoint in each row between its ends, so that
 * it crosses no box.
 */
function chainsOf(arrows, rows) {
  const rowOf = (room) => rows.findIndex((row) => row.includes(room));
  return arrows.map(([from, to]) => {
    const between = Math.max(0, rowOf(to) - rowOf(from) - 1);
    const waypoints = Array.from({ length: between }, (_, i) => ({
      row: rowOf(from) + 1 + i,
      name: `${from} > ${to} ${i}`,
    }));
    for (const { row, name } of waypoints) rows[row].push(name);
    return [from, ...waypoints.map(({ name }) => name), to];
  });
}

/** Sorts each row by the mean position of the rooms above that point to it. */
function sortRows(rows, chains) {
  for (const [line, row] of rows.entries()) {
    const above = rows[line - 1] ?? [];
    const places = new Map(row.map((name, place) => [name, meanPlace(above, sourcesOf(name, chains)) ?? place]));
    row.sort((a, b) => places.get(a) - places.get(b));
  }
}

function sourcesOf(name, chains) {
  return chains.filter((chain) => chain.includes(name)).map((chain) => chain[chain.indexOf(name) - 1]);
}

function meanPlace(above, names) {
  const places = names.map((name) => above.indexOf(name)).filter((place) => place >= 0);
  return places.length === 0 ? undefined : places.reduce((sum, place) => sum + place, 0) / places.length;
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function text(x, y, words, { size = 12, weight = 400, fill = '#1f2933', anchor = 'middle' } = {}) {
  return `<text x="${x}" y="${y}" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

function box({ x, y }, title, purpose, fill) {
  const middle = x + BOX.width / 2;
  return [
    `<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="${fill}" stroke="#52606d"/>`,
    text(middle, y + (purpose === undefined ? 27 : 19), title, { size: 13, weight: 600 }),
    ...(purpose === undefined ? [] : [text(middle, y + 35, purpose, { size: 11, fill: '#52606d' })]),
  ];
}

/** An arrow from the first place to the last, straight down through the places between them. */
function path(places) {
  const middles = places.map(({ x, y, width }) => ({ x: x + width / 2, y }));
  const parts = middles.slice(1).map((end, i) => {
    const start = middles[i];
    const [top, bottom] = [start.y + BOX.height, end.y - 1];
    const half = (bottom - top) / 2;
    const through = i + 2 < middles.length ? `L${end.x},${end.y + BOX.height}` : '';
    return `C${start.x},${top + half} ${end.x},${bottom - half} ${end.x},${bottom}${through}`;
  });
  const [start] = middles;
  return `<path d="M${start.x},${start.y + BOX.height}${parts.join('')}" fill="none" stroke="#829ab1" marker-end="url(#head)"/>`;
}

/** The picture, as the text of an SVG file. */
export function architectureSvg() {
  const imports = roomImports();
  const arrows = arrowsOf(imports, reachableRooms(imports));
  const rows = rowsOf(imports);
  const chains = chainsOf(arrows, rows);
  sortRows(rows, chains);
  const widthOf = (name) => (imports.has(name) ? BOX.width : WAYPOINT_WIDTH);
  const rowWidth = (row) => row.reduce((sum, name) => sum + widthOf(name), (row.length - 1) * BOX.gapX);
  const roomsWidth = Math.max(...rows.map(rowWidth));
  const step = BOX.height + BOX.gapY;
  const places = new Map();
  for (const [line, row] of rows.entries()) {
    let x = MARGIN + (roomsWidth - rowWidth(row)) / 2;
    for (const name of row) {
      places.set(name, { x, y: MARGIN + TITLE + line * step, width: widthOf(name) });
      x += widthOf(name) + BOX.gapX;
    }
  }
  const wayX = MARGIN + roomsWidth + COLUMN_GAP;
  for (const [name, , folder] of STATIONS)
    if (!existsSync(join(ROOT, folder))) throw new Error(`the code of "${name}" is no longer in ${folder}`);
  const stations = STATIONS.map(([name, purpose], line) => ({
    ...{ name, purpose },
    place: { x: wayX, y: MARGIN + TITLE + line * step, width: BOX.width },
  }));
  const width = wayX + BOX.width + MARGIN;
  const height = MARGIN * 2 + TITLE + Math.max(rows.length, stations.length) * step - BOX.gapY;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="${FONT}">`,
    '<title>The rooms of lanestore, and the way of a round</title>',
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0,0L8,4L0,8z" fill="#829ab1"/></marker></defs>',
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(MARGIN + roomsWidth / 2, MARGIN + 14, 'Rooms: an arrow means "imports"', { size: 14, weight: 600 }),
    text(wayX + BOX.width / 2, MARGIN + 14, "A round's way", { size: 14, weight: 600 }),
    ...chains.map((chain) => path(chain.map((name) => places.get(name)))),
    ...[...imports.keys()].flatMap((room) => box(places.get(room), `src/${room}`, PURPOSES[room], '#e6f0fa')),
    ...stations.slice(1).map(({ place }, line) => path([stations[line].place, place])),
    ...stations.flatMap(({ place, name, purpose }) => box(place, name, purpose, '#e9f7ef')),
    '</svg>',
    '',
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, architectureSvg());
