/** The routes of the page: its assets, its data as JSON, probes and metrics. All are read-only. */
import { readFileSync } from 'node:fs';
import { type Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import { ENTRY_NUMBER_MAX } from '../../keys/index.js';
import { AbsentError, UsageError } from '../command-error.js';
import { toJson } from '../output.js';
import { shippedPath } from '../shipped.js';
import { bounded } from './bounded.js';
import { diagnostic } from './diagnostic.js';
import { failureOf } from './failure.js';
import type { ServedLocation } from './location.js';
import { metricsOf, readinessOf } from './metrics.js';
import type { ShownEntry } from './reader.js';

/** Upper bound of a lane's rows in one answer. */
const ROWS_MAX = 64;
/** Upper bound in bytes of an entry in one answer, unless it is downloaded. */
const BYTES_MAX = 65_536;
/** Upper bound in characters of a key; a lane of the longest id and a number fit. */
const KEY_CHARS_MAX = 1024;

/** Upper bound of tables, and of versions of a key, that are sent; all are counted. */
const TABLES_MAX = 5000;
const VALUE_BYTES_SHOWN = 64;

/** The files of the page, with their types. No other file is read from the disk. */
const ASSETS: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'icon.svg': 'image/svg+xml',
  ...Object.fromEntries(
    [
      ...['app', 'api', 'parts', 'overview', 'lane', 'entry', 'round', 'level', 'check', 'runbook', 'virtual', 'chart'],
      ...['vendor/preact', 'vendor/hooks', 'vendor/htm', 'vendor/uplot'],
    ].map((name) => [`${name}.js`, 'text/javascript; charset=utf-8']),
  ),
  'vendor/uplot.css': 'text/css; charset=utf-8',
};

/** The application of the served locations. */
export function routes(locations: readonly ServedLocation[]): Hono {
  const app = new Hono();
  const at = (context: Context): ServedLocation => {
    const text = context.req.param('index') ?? '';
    const location = /^\d{1,2}$/.test(text) ? locations[Number(text)] : undefined;
    if (location === undefined) throw new AbsentError(`no location has the number ${text.slice(0, 20)}`);
    return location;
  };

  app.get('/', () => asset('index.html'));
  for (const name of Object.keys(ASSETS)) app.get(`/${name}`, () => asset(name));
  app.get('/api/locations', () => json(locations.map(({ index, path }) => ({ index, path }))));
  app.get('/api/runbook', (context) => json(procedureOf(query(context, 'code'))));
  app.get('/api/:index/overview', async (context) => json(await at(context).overview()));
  app.get('/api/:index/sizes', async (context) => json(await at(context).sizes()));
  app.get('/api/:index/lane', async (context) => {
    const [lane, from] = [query(context, 'lane'), number(context, 'from')];
    const limit = Math.min(ROWS_MAX, Number(number(context, 'limit')));
    return json(await at(context).read((reader) => reader.lane(lane, from, limit)));
  });
  app.get('/api/:index/round', async (context) => {
    const road = number(context, 'road');
    return json(await at(context).read((reader) => reader.round(road)));
  });
  app.get('/api/:index/entry', async (context) => {
    const key = query(context, 'key');
    return json(shownEntry(await at(context).read((reader) => reader.entry(key))));
  });
  app.get('/api/:index/bytes', async (context) => {
    const [key, form] = [query(context, 'key'), query(context, 'form')];
    const entry = await at(context).read((reader) => reader.entry(key));
    return bytes(entry, form, context);
  });
  app.get('/api/:index/level', async (context) => {
    const map = await at(context).level();
    return json({ ...map, tables: map.tables.slice(0, TABLES_MAX), tablesTotal: map.tables.length });
  });
  app.get('/api/:index/versions', async (context) => {
    const { versions, ...rest } = await at(context).versions(query(context, 'key'));
    const shown = versions.map(({ value, ...version }) => ({
      ...version,
      bytes: value?.length ?? null,
      head: value?.subarray(0, VALUE_BYTES_SHOWN) ?? null,
    }));
    return json({ ...rest, versions: shown });
  });
  app.get('/api/:index/check', (context) => {
    // HEAD would start a check whose events are never read.
    if (context.req.method === 'HEAD') return text('', 405);
    const check = at(context).check();
    context.header('content-type', 'application/x-ndjson; charset=utf-8');
    return stream(context, async (answer) => {
      answer.onAbort(() => check.cancel());
      for await (const event of check.events()) {
        if (answer.aborted) break;
        await answer.write(`${toJson(event)}\n`);
      }
    });
  });

  app.get('/livez', () => text('ok\n'));
  app.get('/readyz', async () => {
    const { isReady, text: lines } = await readinessOf(locations);
    return text(lines, isReady ? 200 : 503);
  });
  app.get('/metrics', async () => text(await metricsOf(locations), 200, 'text/plain; version=0.0.4; charset=utf-8'));
  app.notFound(() => text('there is no such page\n', 404));
  app.onError((error) => {
    const { status, failure } = failureOf(error);
    return json(failure, status);
  });
  return app;
}

const assets = new Map<string, Buffer<ArrayBuffer>>();

function asset(name: string): Response {
  const content = assets.get(name) ?? readFileSync(shippedPath(`assets/serve/${name}`));
  assets.set(name, content);
  return new Response(content, { headers: { 'content-type': ASSETS[name] ?? 'application/octet-stream' } });
}

function json(value: unknown, status = 200): Response {
  return text(toJson(value), status, 'application/json; charset=utf-8');
}

function text(body: string, status = 200, type = 'text/plain; charset=utf-8'): Response {
  return new Response(body, { status, headers: { 'content-type': type } });
}

function query(context: Context, name: string): string {
  const value = context.req.query(name);
  if (value === undefined || value === '' || value.length > KEY_CHARS_MAX)
    throw new UsageError(`the parameter ${name} must have 1 to ${KEY_CHARS_MAX} characters`);
  return value;
}

function number(context: Context, name: string): bigint {
  const value = query(context, name);
  const parsed = /^\d{1,20}$/.test(value) ? BigInt(value) : undefined;
  if (parsed === undefined || parsed > ENTRY_NUMBER_MAX)
    throw new UsageError(`the parameter ${name} must be a whole number up to ${ENTRY_NUMBER_MAX}`);
  return parsed;
}

function shownEntry({ raw, cbor, wire, value, ...entry }: ShownEntry): object {
  const forms = { raw, cbor, proto: wire };
  const sizes = Object.entries(forms).flatMap(([form, content]) =>
    content === undefined ? [] : [[form, content.length]],
  );
  return {
    ...entry,
    value: bounded(value),
    ...(cbor === undefined ? {} : { diagnostic: diagnostic(cbor) }),
    forms: Object.fromEntries(sizes),
  };
}

/** The bytes of one form of an entry: all of them as a download, or a part. */
function bytes({ raw, cbor, wire, key }: ShownEntry, form: string, context: Context): Response {
  const content = form === 'raw' ? raw : form === 'cbor' ? cbor : form === 'proto' ? wire : undefined;
  if (content === undefined) throw new AbsentError(`${key} has no such form`);
  const headers = { 'content-type': 'application/octet-stream' };
  if (context.req.query('offset') !== undefined) {
    const offset = Number(number(context, 'offset'));
    return new Response(Buffer.from(content.subarray(offset, offset + BYTES_MAX)), { headers });
  }
  const name = `${key.replaceAll(/[^0-9A-Za-z-]+/g, '-')}.${form}`;
  return new Response(Buffer.from(content), {
    headers: { ...headers, 'content-disposition': `attachment; filename="${name}"` },
  });
}

/** The section of the runbook for an error code. */
function procedureOf(code: string): { readonly code: string; readonly text: string } {
  const page = readFileSync(shippedPath('docs/runbook.md'), 'utf8');
  const sections = page.split(/^(?=##+ )/m);
  const start = sections.findIndex((section) => section.split('\n')[0]?.replace(/^#+ /, '') === code);
  if (start < 0) throw new AbsentError(`the runbook has no procedure for ${code.slice(0, 40)}`);
  const depth = /^#+/.exec(sections[start] ?? '')?.[0].length ?? 2;
  const rest = sections.slice(start + 1);
  const end = rest.findIndex((section) => (/^#+/.exec(section)?.[0].length ?? 0) <= depth);
  return { code, text: [sections[start], ...rest.slice(0, end < 0 ? undefined : end)].join('') };
}
