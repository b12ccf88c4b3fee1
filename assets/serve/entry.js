/**
 * One entry: decoded, as CBOR, and as bytes.
 *
 * @module
 */

import { search, useData } from './api.js';
import { Fact, FailureBox, formatBytes, html, Loading } from './parts.js';
import { useEffect, useState } from './vendor/hooks.js';

const FORMS = { raw: 'record', cbor: 'CBOR body', proto: 'protobuf' };
/** Bytes that the hex view shows at first, and that it adds on demand. */
const HEX_BYTES = 2048;
const PER_LINE = 16;

/** @param {{ index: number, entryKey: string }} props */
export function EntryPage({ index, entryKey }) {
  const { data, failure } = useData(`api/${index}/entry?${search({ key: entryKey })}`);
  if (data === undefined)
    return failure ? html`<${FailureBox} failure=${failure} index=${index} />` : html`<${Loading} what=${entryKey} />`;
  const forms = Object.keys(data.forms);
  return html`
    ${data.finding && html`<section class="box bad" role="alert"><h2>${data.finding.kind}</h2><p>${data.finding.detail}</p></section>`}
    <section class="box">
      <h2>Place and hashes</h2>
      <dl>
        <${Fact} name="Key"><code class="path">${data.key}</code><//>
        <${Fact} name="Kind">${data.kind}<//>
        <${Fact} name="Size">${formatBytes(data.bytes)} (${data.bytes} bytes)<//>
        <${Fact} name="Stored">${data.stored === 'inline' ? 'inline' : `${data.stored.file}, byte ${data.stored.offset}`}<//>
        ${data.crc !== undefined && html`<${Fact} name="CRC-32"><code>${data.crc.toString(16).padStart(8, '0')}</code><//>`}
        ${Object.entries(data.hashes ?? {}).map(([name, hash]) => html`<${Fact} name=${`${name} hash`}><code class="path">${hash}</code><//>`)}
        <${Fact} name="Download">
          ${forms.map((form) => html`<a class="button" href=${`api/${index}/bytes?${search({ key: data.key, form })}`} download>${FORMS[form]}, ${formatBytes(data.forms[form])}</a> `)}
        <//>
        ${data.forms.raw !== undefined && html`<${Fact} name="In LevelDB"><a href=${`#/${index}/level/${encodeURIComponent(data.key)}`}>every version of this key</a><//>`}
      </dl>
    </section>
    ${data.value !== undefined && html`<section class="box"><h2>Decoded</h2><pre tabindex="0" aria-label="Decoded">${JSON.stringify(data.value, null, 2)}</pre></section>`}
    ${data.diagnostic && html`<section class="box"><h2>CBOR diagnostic notation</h2><pre tabindex="0" aria-label="CBOR diagnostic notation">${data.diagnostic}</pre></section>`}
    ${forms.length > 0 && html`<${HexView} key=${data.key} index=${index} entryKey=${data.key} forms=${data.forms} />`}
  `;
}

function HexView({ index, entryKey, forms }) {
  const names = Object.keys(forms);
  const [form, setForm] = useState(names[0]);
  const [bytes, setBytes] = useState(new Uint8Array());
  const [wanted, setWanted] = useState(HEX_BYTES);
  useEffect(() => {
    const abort = new AbortController();
    const load = async () => {
      if (bytes.length >= Math.min(wanted, forms[form])) return;
      const path = `api/${index}/bytes?${search({ key: entryKey, form, offset: bytes.length })}`;
      const response = await fetch(path, { signal: abort.signal }).catch(() => undefined);
      if (!response?.ok || abort.signal.aborted) return;
      // Rejects if the user leaves the page before the body is here.
      const body = await response.arrayBuffer().catch(() => undefined);
      if (body === undefined) return;
      const more = new Uint8Array(body);
      const all = new Uint8Array(bytes.length + more.length);
      all.set(bytes);
      all.set(more, bytes.length);
      if (!abort.signal.aborted) setBytes(all);
    };
    load();
    return () => abort.abort();
  }, [form, wanted, bytes.length]);
  const shown = bytes.subarray(0, wanted);
  return html`<section class="box">
    <h2>Bytes</h2>
    <p>
      <label>Form <select value=${form} onChange=${(event) => {
        setBytes(new Uint8Array());
        setWanted(HEX_BYTES);
        setForm(event.currentTarget.value);
      }}>${names.map((name) => html`<option value=${name}>${FORMS[name]}</option>`)}</select></label>
    </p>
    <pre class="hex" tabindex="0" aria-label="Bytes as hex">${hexLines(shown)}</pre>
    ${
      shown.length < forms[form] &&
      html`<p>${shown.length} of ${forms[form]} bytes. <button type="button" onClick=${() => setWanted(wanted + HEX_BYTES)}>More</button></p>`
    }
  </section>`;
}

function hexLines(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += PER_LINE) {
    const part = [...bytes.subarray(at, at + PER_LINE)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const letters = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(8, '0')}  ${digits.padEnd(3 * PER_LINE)} ${letters}`);
  }
  return lines.join('\n');
}
