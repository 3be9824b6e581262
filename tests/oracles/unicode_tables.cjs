// Writes src/Graft/Text/Unicode/unicode.bin: every Unicode property that the reference tokenizers library (npm `tokenizers`) uses,
// measured by asking the library itself about each code point. Usage: node unicode_tables.cjs FOLDER_WITH_node_modules OUTPUT
// The library mixes several Unicode versions (its normalisation forms are of Unicode 9, its punctuation of Unicode 8, its regular
// expressions of Unicode 15 or later), so asking it is the only exact source.
'use strict';
const fs = require('fs'), path = require('path'), zlib = require('zlib');
const T = require(path.resolve(process.argv[2], 'node_modules/tokenizers'));
const codePoints = [];
for (let c = 0; c < 0x110000; c++) if (c < 0xd800 || c > 0xdfff) codePoints.push(c);
const S = c => String.fromCodePoint(c);

const emptyModel = { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' };
const preTokenizer = json => T.Tokenizer.fromString(JSON.stringify({
  version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: json, post_processor: null, decoder: null, model: emptyModel,
})).getPreTokenizer();
const where = (p, test) => new Set(codePoints.filter(c => test(p.preTokenizeString('a' + S(c) + 'a'))));
const chunks = [];
for (let i = 0; i < codePoints.length; i += 20000) chunks.push(codePoints.slice(i, i + 20000).map(S).join(''));
const ofClass = cls => {
  const p = preTokenizer({ type: 'Split', pattern: { Regex: `[^${cls}]+` }, behavior: 'Removed', invert: false });
  const found = new Set();
  for (const chunk of chunks) for (const [piece] of p.preTokenizeString(chunk)) for (const x of piece) found.add(x.codePointAt(0));
  return found;
};

const bytes = [];
const varint = n => { while (n >= 128) { bytes.push((n & 127) | 128); n = Math.floor(n / 128); } bytes.push(n); };
const string = s => { const p = [...s].map(x => x.codePointAt(0)); varint(p.length); p.forEach(varint); };

// 1. Flags of each code point, run-length encoded.
const categories = ['Cn', 'Lu', 'Ll', 'Lt', 'Lm', 'Lo', 'Mn', 'Mc', 'Me', 'Nd', 'Nl', 'No', 'Pc', 'Pd', 'Ps', 'Pe', 'Pi', 'Pf', 'Po',
  'Sm', 'Sc', 'Sk', 'So', 'Zs', 'Zl', 'Zp', 'Cc', 'Cf', 'Co'];
const flags = new Uint32Array(0x110000);
const mark = (set, bit) => { for (const c of set) flags[c] |= bit; };
categories.forEach((g, i) => { if (i) for (const c of ofClass(`\\p{${g}}`)) flags[c] |= i; });
const clean = T.bertNormalizer({ cleanText: true, handleChineseChars: false, stripAccents: false, lowercase: false });
const bertAccents = T.bertNormalizer({ cleanText: false, handleChineseChars: false, stripAccents: true, lowercase: false });
const accents = T.stripAccentsNormalizer();
const removedBy = n => new Set(codePoints.filter(c => n.normalizeString(S(c)) === ''));
mark(removedBy(clean), 1 << 5);
mark(where(preTokenizer({ type: 'Punctuation', behavior: 'Isolated' }), x => x.length === 3), 1 << 6);
mark(removedBy(bertAccents), 1 << 7);
mark(removedBy(accents), 1 << 8);
mark(where(preTokenizer({ type: 'Digits', individual_digits: true }), x => x.length === 3), 1 << 9);
mark(where(preTokenizer({ type: 'Whitespace' }), x => x.length === 1), 1 << 10);
mark(where(preTokenizer({ type: 'WhitespaceSplit' }), x => x.length === 2), 1 << 11);
mark(ofClass('\\w'), 1 << 12);
mark(ofClass('[[:alpha:]]'), 1 << 13);
mark(ofClass('[[:upper:]]'), 1 << 14);
mark(ofClass('[[:lower:]]'), 1 << 15);

// How code points join to graphemes of at most five bytes, from a charsmap that turns every grapheme of that size into one X: the trie of
// a compiled charsmap is a double array; here its root leads from each first byte of a character to the same replacement.
const trie = new Uint32Array(1024);
const rootOffset = 256;
trie[0] = rootOffset << 10;
for (let b = 1; b < 0xf5; b++) {
  const leaf = 512 + b;
  trie[rootOffset ^ b] = (((rootOffset ^ b) ^ leaf) << 10 | 1 << 8 | b) >>> 0;
  trie[leaf] = (1 << 31) >>> 0;
}
const charsmap = Buffer.concat([Buffer.from(new Uint32Array([trie.byteLength]).buffer), Buffer.from(trie.buffer), Buffer.from('X\0')]);
const crosses = T.precompiled([...charsmap]);
const count = s => crosses.normalizeString(s).length;
const graphemeSet = test => new Set(codePoints.filter(c => c > 0 && test(S(c))));
mark(graphemeSet(s => count('a' + s) === 1), 1 << 16);
mark(graphemeSet(s => s.codePointAt(0) < 0x10000 && count(s + '\u0301') === 2), 1 << 17);
mark(graphemeSet(s => count(s + 'a') === 1), 1 << 18);
mark(graphemeSet(s => count('\u00a9\u200d' + s) === 3), 1 << 19);

const runs = [];
for (let c = 0; c < 0x110000; c++) {
  if (runs.length && runs[runs.length - 1][1] === flags[c]) runs[runs.length - 1][0]++; else runs.push([1, flags[c]]);
}
varint(runs.length);
for (const [n, v] of runs) { varint(n); varint(v); }

// 2. Lower case, 3. canonical and 4. compatibility decompositions (without Hangul, which is arithmetic).
const nfd = T.nfdNormalizer(), nfkd = T.nfkdNormalizer(), nfc = T.nfcNormalizer(), lower = T.lowercase();
const writeMap = entries => { varint(entries.length); let last = 0; for (const [c, s] of entries) { varint(c - last); last = c; string(s); } };
const changed = n => codePoints.filter(c => c < 0xac00 || c > 0xd7a3).map(c => [c, n.normalizeString(S(c))]).filter(([c, s]) => s !== S(c));
const canonical = changed(nfd);
const canonicalOf = new Map(canonical);
writeMap(changed(lower));
writeMap(canonical);
writeMap(changed(nfkd).filter(([c, s]) => canonicalOf.get(c) !== s));

// 5. Combining classes as ranks, from the order in which the library puts two marks.
const swaps = (x, y) => nfd.normalizeString('a' + S(x) + S(y)) !== 'a' + S(x) + S(y);
const combining = codePoints.filter(c => c > 0x2ff && !canonicalOf.has(c) && (c < 0xac00 || c > 0xd7a3) && (swaps(0x345, c) || swaps(c, 0x334)));
combining.push(0x334, 0x345);
const ranks = [];
for (const c of new Set(combining)) {
  let lo = 0, hi = ranks.length, found = -1;
  while (lo < hi) {
    const mid = (lo + hi) >> 1, r = ranks[mid][0];
    if (swaps(c, r)) lo = mid + 1; else if (swaps(r, c)) hi = mid; else { found = mid; break; }
  }
  if (found >= 0) ranks[found].push(c); else ranks.splice(lo, 0, [c]);
}
const classes = ranks.flatMap((group, i) => group.map(c => [c, i + 1])).sort((a, b) => a[0] - b[0]);
varint(classes.length);
{ let last = 0; for (const [c, k] of classes) { varint(c - last); last = c; varint(k); } }

// 6. Compositions: the pairs that the library composes back.
const pairs = [];
for (const [c, s] of canonical) {
  const parts = [...s];
  if (parts.length < 2) continue;
  const first = nfc.normalizeString(parts.slice(0, -1).join('')), second = parts[parts.length - 1];
  if ([...first].length === 1 && nfc.normalizeString(first + second) === S(c)) pairs.push([first.codePointAt(0), second.codePointAt(0), c]);
}
varint(pairs.length);
for (const p of pairs) p.forEach(varint);

// 7. Scripts that split patterns name.
const scripts = ['Han', 'Hiragana', 'Katakana', 'Hangul', 'Latin', 'Greek', 'Cyrillic', 'Arabic', 'Hebrew', 'Thai', 'Devanagari'];
varint(scripts.length);
for (const name of scripts) {
  varint(name.length);
  for (const ch of name) bytes.push(ch.charCodeAt(0));
  const members = [...ofClass(`\\p{${name}}`)].sort((a, b) => a - b), ranges = [];
  for (const c of members) {
    if (ranges.length && ranges[ranges.length - 1][1] === c - 1) ranges[ranges.length - 1][1] = c; else ranges.push([c, c]);
  }
  varint(ranges.length);
  let last = 0;
  for (const [a, b] of ranges) { varint(a - last); varint(b - a); last = b; }
}

fs.mkdirSync(path.dirname(process.argv[3]), { recursive: true });
fs.writeFileSync(process.argv[3], zlib.gzipSync(Buffer.from(bytes), { level: 9 }));
console.log(`${runs.length} runs, ${canonical.length} decompositions, ${classes.length} combining marks in ${ranks.length} classes, ${pairs.length} compositions, ${bytes.length} bytes`);
