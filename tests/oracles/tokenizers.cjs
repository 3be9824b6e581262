// Runs the reference tokenizers library (npm `tokenizers`, the Rust one) over texts and prints what it gives, one JSON object a line.
// Usage: node tokenizers.cjs FOLDER_WITH_node_modules TOKENIZER_JSON lines FILE            one case per line of FILE
//        node tokenizers.cjs FOLDER_WITH_node_modules TOKENIZER_JSON random COUNT SEED     seeded random Unicode
// Texts are printed as base64 of UTF-16, since a text may hold half a surrogate pair. Offsets count code points.
'use strict';
const fs = require('fs'), path = require('path');
const [, , modules, file, mode, ...rest] = process.argv;
const { Tokenizer } = require(path.resolve(modules, 'node_modules/tokenizers'));

const json = JSON.parse(fs.readFileSync(file, 'utf8'));
json.truncation = json.padding = null;
const source = JSON.stringify(json);
const byLength = new Map();
const tokenizerFor = maxLength => {
  if (!byLength.has(maxLength)) {
    const t = Tokenizer.fromString(source);
    if (maxLength) t.setTruncation(maxLength);
    byLength.set(maxLength, t);
  }
  return byLength.get(maxLength);
};

let state = 0;
const random = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = n => Math.floor(random() * n);
const pick = list => list[below(list.length)];
const range = (a, b) => () => String.fromCodePoint(a + below(b - a + 1));
const several = (f, most) => () => Array.from({ length: 1 + below(most) }, f).join('');

const added = (json.added_tokens || []).map(t => t.content);
const vocabulary = Array.isArray(json.model.vocab) ? json.model.vocab.map(v => v[0]) : Object.keys(json.model.vocab);
const whitespace = [' ', ' ', ' ', '  ', '\t', '\n', '\r', '\r\n', '\u000b', '\u000c', '\u0085', '\u00a0', '\u1680', '\u2003', '\u2009', '\u2028', '\u2029', '\u202f', '\u205f', '\u3000', '\u200b', '\ufeff'];
const words = ['the', 'The', 'unbelievable', "don't", "I'm", "we'll", "they've", "it's", 'naïve', 'Ångström', 'résumé', 'ﬁne', 'ＦＵＬＬ', 'ß', 'İstanbul', 'ΑΣ', 'Ǆ', 'tokenization', 'http://a.b/c?d=e', '3.14159', '1,000', '２０２４', '①②', '½', 'Ⅷ', '한국어', '東京', '日本語テキスト', 'สวัสดี', 'नमस्ते', 'مرحبا', 'שלום', 'Привет', 'Việt'];
const generators = [
  () => pick(words), () => pick(words), () => pick(words),
  several(range(0x20, 0x7e), 12), several(range(0x61, 0x7a), 8), several(range(0x30, 0x39), 5),
  range(0, 0x1f), range(0x7f, 0xff), several(range(0xc0, 0x24f), 5),
  () => pick([...'aeiounAEIOUNcs']) + several(range(0x300, 0x36f), 4)(), range(0x300, 0x36f), range(0x483, 0x489), range(0x591, 0x5c7), range(0x64b, 0x65f), range(0x1ab0, 0x1aff), range(0x20d0, 0x20ff),
  several(range(0x370, 0x52f), 6), several(range(0x5d0, 0x6ff), 5), several(range(0x900, 0x97f), 6), several(range(0xe00, 0xe4d), 6), several(range(0x1100, 0x11ff), 4), several(range(0xac00, 0xd7a3), 4),
  several(range(0x3040, 0x30ff), 6), several(range(0x4e00, 0x9fff), 5), range(0x3400, 0x4dbf), range(0x20000, 0x2a6df), range(0xf900, 0xfaff), range(0x2f800, 0x2fa1f),
  range(0x1d400, 0x1d7ff), range(0x2000, 0x206f), range(0x2070, 0x218f), range(0x2190, 0x2bff), range(0x3000, 0x303f), range(0xfb00, 0xfdff), range(0xfe00, 0xfe6f), range(0xff00, 0xffef), range(0xe000, 0xf8ff), range(0x1e00, 0x1fff), range(0xa640, 0xabff),
  several(range(0x1f300, 0x1faff), 2), () => '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}', () => '\u{1f44d}\u{1f3fd}', () => '\u{1f1e9}\u{1f1ea}', () => '\u2764\ufe0f', () => 'e\u0301\u0327', () => '\u1112\u1161\u11ab',
  range(0x10000, 0x1ffff), range(0xe0000, 0xe01ef), range(0x100000, 0x10fffd), () => String.fromCharCode(0xd800 + below(0x800)), () => '\ufffd', () => '\u0000',
  () => added.length ? pick(added) : '[X]', () => added.length ? pick(['', ' ', 'a', '\u3000', '\t ']) + pick(added) + pick(['', ' ', 'b', '  ']) : '', () => added.length ? pick(added).slice(0, -1) : '',
  () => pick(vocabulary), () => pick(vocabulary), () => pick(vocabulary) + pick(vocabulary),
  () => '<0x' + below(256).toString(16).toUpperCase().padStart(2, '0') + '>', () => '▁', () => 'Ġ', () => '##ing',
  () => pick([...'.,;:!?-_()[]{}"\'`~@#$%^&*+=|\\/<>']), several(() => pick([...".,'\"-"]), 4), () => 'x'.repeat(60 + below(80)), several(() => pick(['ab', 'é', '漢']), 90),
  () => { let c; do c = below(0x110000); while (c >= 0xd800 && c < 0xe000); return String.fromCodePoint(c); },
];
const text = () => {
  let s = '';
  for (let n = below(pick([3, 8, 8, 20, 60])); n > 0; n--) s += pick(generators)() + (random() < 0.55 ? pick(whitespace) : '');
  return s;
};

function* cases() {
  if (mode === 'lines') {
    for (const line of fs.readFileSync(rest[0], 'utf8').split('\n')) if (line.length) yield { text: line };
    return;
  }
  state = Number(rest[1]);
  for (let i = 0; i < Number(rest[0]); i++) {
    yield {
      text: text(),
      pair: random() < 0.2 ? text() : null,
      maxLength: random() < 0.2 ? pick([6, 7, 9, 16, 33]) : 0,
      special: random() < 0.85,
    };
  }
}

const units = s => s == null ? null : Buffer.from(s, 'utf16le').toString('base64');
(async () => {
  const out = [];
  for (const { text: first, pair = null, maxLength = 0, special = true } of cases()) {
    const t = tokenizerFor(maxLength);
    const e = await t.encode(first, pair, { addSpecialTokens: special });
    const ids = e.getIds();
    out.push(JSON.stringify({
      text: units(first), pair: units(pair), maxLength, special, ids, types: e.getTypeIds(), tokens: e.getTokens(), offsets: e.getOffsets().flat(),
      boundary: e.getSequenceIds().indexOf(1), mask: e.getSpecialTokensMask().join(''), decoded: ids.length ? await t.decode(ids, true) : '', decodedAll: ids.length ? await t.decode(ids, false) : '',
    }));
    if (out.length >= 500) { process.stdout.write(out.join('\n') + '\n'); out.length = 0; }
  }
  if (out.length) process.stdout.write(out.join('\n') + '\n');
})();
