// Writes small tokenizer files that together use every part a tokenizer.json can have, made from the three fixture files.
// Usage: node tokenizer_zoo.cjs FIXTURES_FOLDER OUTPUT_FOLDER      (FIXTURES_FOLDER holds minilm.json.gz, roberta.json.gz, t5.json.gz)
'use strict';
const fs = require('fs'), path = require('path'), zlib = require('zlib');
const [, , fixtures, output] = process.argv;
const load = name => JSON.parse(zlib.gunzipSync(fs.readFileSync(path.join(fixtures, name + '.json.gz'))));
const minilm = load('minilm'), roberta = load('roberta'), t5 = load('t5');

const wordPieceVocab = () => {
  const kept = Object.entries(minilm.model.vocab).filter(([t, id]) => id < 104 || (id >= 999 && id < 2600) || t.length === 1 || /^##.$/u.test(t));
  return Object.fromEntries(kept.sort((a, b) => a[1] - b[1]).map(([t], i) => [t, i]));
};
const mergePair = m => Array.isArray(m) ? m : m.split(' ');
const byteLevel = (count, asPairs) => {
  const vocab = {}, merges = [];
  const add = t => { if (!(t in vocab)) vocab[t] = Object.keys(vocab).length; };
  Object.keys(roberta.model.vocab).filter(t => [...t].length === 1).forEach(add);
  for (const m of roberta.model.merges.slice(0, count)) {
    const [a, b] = mergePair(m);
    add(a + b);
    merges.push(asPairs ? [a, b] : `${a} ${b}`);
  }
  return { vocab, merges };
};
const added = (content, id, options) => ({ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true, ...options });
const bpe = (count, options = {}, asPairs = false) => ({ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ...byteLevel(count, asPairs), ...options });
const unigram = (count, front, options = {}) => {
  const seen = new Set(front.map(f => f[0]));
  return { type: 'Unigram', unk_id: 0, byte_fallback: false, vocab: [...front, ...t5.model.vocab.slice(3, count).filter(v => !seen.has(v[0]))], ...options };
};
const template = (start, end, types) => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: start[0], type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: end[0], type_id: 0 } }],
  pair: [{ SpecialToken: { id: start[0], type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: end[0], type_id: 0 } }, { SpecialToken: { id: end[0], type_id: types } }, { Sequence: { id: 'B', type_id: types } }, { SpecialToken: { id: end[0], type_id: types } }],
  special_tokens: { [start[0]]: { id: start[0], ids: [start[1]], tokens: [start[0]] }, [end[0]]: { id: end[0], ids: [end[1]], tokens: [end[0]] } },
});
const byteDecoder = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
const metaspace = (prepend_scheme, split = true) => ({ type: 'Metaspace', replacement: '▁', prepend_scheme, split });
const cl100k = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const o200k = "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const split = (pattern, behavior, invert = false) => ({ type: 'Split', pattern: typeof pattern === 'string' ? { Regex: pattern } : pattern, behavior, invert });
const sequence = (...pretokenizers) => ({ type: 'Sequence', pretokenizers });
const normalizers = (...list) => ({ type: 'Sequence', normalizers: list });
const rawBytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };

const zoo = {};
const tokenizer = (name, parts) => { zoo[name] = { version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...parts }; };

const words = wordPieceVocab();
tokenizer('wordpiece-parts', {
  added_tokens: [added('[CLS]', words['[CLS]']), added('[SEP]', words['[SEP]']),
    added('the', words.the, { single_word: true, normalized: true, special: false }), added('[A B]', 0, { lstrip: true }), added('[R]', 0, { rstrip: true }),
    added('naïve', 0, { normalized: true, special: false, lstrip: true, rstrip: true }), added('##x', 0, { single_word: true, special: false })],
  normalizer: { type: 'BertNormalizer', clean_text: false, handle_chinese_chars: true, strip_accents: true, lowercase: false },
  pre_tokenizer: sequence({ type: 'WhitespaceSplit' }, { type: 'Punctuation', behavior: 'MergedWithPrevious' }, { type: 'Digits', individual_digits: true }),
  post_processor: { type: 'BertProcessing', sep: ['[SEP]', words['[SEP]']], cls: ['[CLS]', words['[CLS]']] },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: false },
  model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 20, vocab: words },
});
tokenizer('wordpiece-whitespace', {
  normalizer: normalizers({ type: 'NFD' }, { type: 'Lowercase' }, { type: 'StripAccents' }, { type: 'Strip', strip_left: true, strip_right: true }),
  pre_tokenizer: sequence({ type: 'Whitespace' }, { type: 'Digits', individual_digits: false }),
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab: words },
});
const chat = bpe(2500, { ignore_merges: true });
tokenizer('bpe-cl100k', {
  added_tokens: [added('<|im_start|>', 9001), added('<|im_end|>', 9002, { rstrip: true }), added('Hello', 9003, { normalized: true, special: false })],
  normalizer: { type: 'NFC' },
  pre_tokenizer: sequence(split(cl100k, 'Isolated'), rawBytes),
  post_processor: { type: 'Sequence', processors: [{ type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true }, template(['<|im_start|>', 2755], ['<|im_end|>', 2756], 1)] },
  decoder: byteDecoder, model: chat,
});
tokenizer('bpe-o200k', { pre_tokenizer: sequence(split(o200k, 'Removed', true), rawBytes), post_processor: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }, decoder: byteDecoder, model: bpe(1500, {}, true) });
tokenizer('bpe-prefix', {
  added_tokens: [added('<s>', 0), added('</s>', 0), added('<mask>', 0, { lstrip: true })],
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  post_processor: { type: 'RobertaProcessing', sep: ['</s>', 1757], cls: ['<s>', 1756], trim_offsets: true, add_prefix_space: true },
  decoder: byteDecoder, model: bpe(1500),
});
tokenizer('bpe-bytes', { normalizer: normalizers({ type: 'NFKC' }, { type: 'ByteLevel' }), pre_tokenizer: sequence(split('Ġ', 'MergedWithNext'), { type: 'FixedLength', length: 7 }), decoder: byteDecoder, model: bpe(900) });
const clip = (() => {
  const base = byteLevel(1200, false), vocab = {}, merges = [];
  const add = t => { if (!(t in vocab)) vocab[t] = Object.keys(vocab).length; };
  const plain = Object.keys(base.vocab).filter(t => [...t].length === 1);
  plain.forEach(add);
  plain.forEach(t => add(t + '</w>'));
  for (const m of base.merges) {
    const [a, b] = m.split(' ');
    if (a in vocab && b in vocab) { add(a + b); merges.push(m); }
    if (a in vocab && b + '</w>' in vocab) { add(a + b + '</w>'); merges.push(`${a} ${b}</w>`); }
  }
  add('<unk>');
  return { type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: '', end_of_word_suffix: '</w>', fuse_unk: false, byte_fallback: false, vocab, merges };
})();
tokenizer('bpe-clip', {
  normalizer: normalizers({ type: 'NFC' }, { type: 'Replace', pattern: { Regex: '\\s+' }, content: ' ' }, { type: 'Lowercase' }),
  pre_tokenizer: sequence(split("'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+", 'Removed', true), rawBytes),
  decoder: { type: 'BPEDecoder', suffix: '</w>' }, model: clip,
});
const llama = (fuse_unk, byte_fallback) => {
  const vocab = { '<unk>': 0 }, merges = [];
  const add = t => { if (!(t in vocab)) vocab[t] = Object.keys(vocab).length; };
  if (byte_fallback) for (let b = 0; b < 256; b++) add('<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>');
  [...'▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,;:!?-éèüñ漢字한국'].forEach(add);
  for (const m of roberta.model.merges.slice(0, 1200)) {
    const [a, b] = mergePair(m).map(x => x.replace(/Ġ/g, '▁'));
    if (a in vocab && b in vocab) { add(a + b); merges.push(`${a} ${b}`); }
  }
  return { type: 'BPE', dropout: null, unk_token: '<unk>', continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk, byte_fallback, vocab, merges };
};
const llamaDecoder = { type: 'Sequence', decoders: [{ type: 'Replace', pattern: { String: '▁' }, content: ' ' }, { type: 'ByteFallback' }, { type: 'Fuse' }, { type: 'Strip', content: ' ', start: 1, stop: 0 }] };
const llamaNormalizer = normalizers({ type: 'Prepend', prepend: '▁' }, { type: 'Replace', pattern: { String: ' ' }, content: '▁' });
tokenizer('bpe-fallback', { added_tokens: [added('<unk>', 0), added('<s>', 0, { normalized: true })], normalizer: llamaNormalizer, decoder: llamaDecoder, model: llama(true, true) });
tokenizer('bpe-unknown', { normalizer: llamaNormalizer, pre_tokenizer: metaspace('first', false), decoder: llamaDecoder, model: llama(false, false) });
tokenizer('bpe-fused', { pre_tokenizer: sequence({ type: 'CharDelimiterSplit', delimiter: 'a' }, metaspace('first')), decoder: metaspace('first'), model: llama(true, false) });

const front = [['<unk>', 0], ['<s>', 0], ['</s>', 0]];
const charsmap = t5.normalizer.precompiled_charsmap;
tokenizer('unigram-xlmr', {
  added_tokens: [added('<s>', 1), added('</s>', 2), added('<unk>', 0), added('<mask>', 0, { lstrip: true, normalized: true })],
  normalizer: normalizers({ type: 'Precompiled', precompiled_charsmap: charsmap }, { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' }),
  pre_tokenizer: metaspace('always'), post_processor: template(['<s>', 1], ['</s>', 2], 0), decoder: metaspace('always'), model: unigram(3000, front),
});
tokenizer('unigram-albert', {
  added_tokens: [added('<unk>', 0), added('[MASK]', 0, { lstrip: true })],
  normalizer: normalizers({ type: 'Replace', pattern: { String: '``' }, content: '"' }, { type: 'Replace', pattern: { String: "''" }, content: '"' }, { type: 'NFKD' }, { type: 'StripAccents' }, { type: 'Lowercase' }, { type: 'Precompiled', precompiled_charsmap: charsmap }),
  pre_tokenizer: sequence({ type: 'WhitespaceSplit' }, metaspace('first')), decoder: metaspace('first'), model: unigram(2000, front),
});
const bytes = Array.from({ length: 256 }, (_, b) => ['<0x' + b.toString(16).toUpperCase().padStart(2, '0') + '>', -30]);
tokenizer('unigram-bytes', {
  normalizer: normalizers({ type: 'Nmt' }, { type: 'NFKC' }, { type: 'Strip', strip_left: true, strip_right: false }, { type: 'Replace', pattern: { Regex: '^\\s*|x(?=y)' }, content: '▁' }),
  pre_tokenizer: metaspace('never'), decoder: { type: 'Sequence', decoders: [metaspace('never'), { type: 'ByteFallback' }, { type: 'Strip', content: '▁', start: 2, stop: 2 }] }, model: unigram(2000, [...front, ...bytes], { byte_fallback: true }),
});
const only = { type: 'WordLevel', vocab: { a: 0, '[U]': 1, the: 2, ' ': 3 }, unk_token: '[U]' };
tokenizer('wordlevel', { pre_tokenizer: sequence({ type: 'Punctuation', behavior: 'Contiguous' }, split({ String: ' ' }, 'MergedWithPrevious')), model: only });

const patterns = [
  ['\\w+|[^\\w\\s]+', 'Isolated'], ['\\d{1,3}(?=(?:\\d{3})*\\b)', 'MergedWithNext'], ['(?<=[a-z])(?=[A-Z])', 'Isolated'], ['(?<!x)y+?', 'Removed'], ['\\s+$|^\\s+', 'MergedWithPrevious'],
  ['[^\\W\\d_]+', 'Contiguous'], ['[\\p{L}&&[^aeiou]]+', 'Isolated'], ['(?>a+)b|ab', 'Isolated'], ['(a|ab)(c|bcd)*', 'Isolated'], ['(?i)strase|THE|é|Ω|k', 'Isolated'],
  ['[一-龥぀-ゟ゠-ヿ]+', 'Isolated'], ['\\p{Han}+|\\p{Hiragana}+|\\p{Katakana}+|\\p{Hangul}', 'Isolated'], ['[\\p{P}\\p{S}]', 'MergedWithPrevious'], ['[[:punct:]]+|[[:alnum:]]+', 'Isolated'], ['\\p{Punct}+', 'Removed'],
  ['x*', 'Isolated'], ['', 'Removed'], ['(?:x??y)*?z|q{2,4}?', 'Isolated'], ['\\x41|\\u00e9|\\x{1F600}|\\x{e9}', 'Isolated'], ['.+', 'Isolated'], ['(?m:.)+', 'Isolated'], ['\\p{^Lu}+|\\P{Ll}', 'Isolated'], ['\\h+|\\H', 'MergedWithNext'],
  ['\\b', 'MergedWithPrevious'], ['\\B.', 'Isolated'], ['^.|.$', 'Isolated'], ['\\A.|.\\z', 'Isolated'], ['[a-c[x-z]]++b?', 'Isolated'], ['[]a]+|[\\]\\-&]', 'Isolated'], ['\\p{M}+|\\p{Cn}|\\p{Co}|\\p{Cc}', 'Isolated'], ['[^\\S\\n]+', 'Contiguous'],
  ['(?<=a|bc)\\w', 'Removed'], ['\\p{Latin}+|\\p{Greek}+|\\p{Cyrillic}+|\\p{Arabic}+|\\p{Hebrew}+|\\p{Thai}+|\\p{Devanagari}+', 'Isolated'], ['\\p{Alphabetic}+|\\p{Uppercase}', 'Isolated'], ['a{,2}b{2,}|c{3}', 'Isolated'], ['{a}|b{x', 'Isolated'],
];
patterns.forEach(([pattern, behavior], i) => tokenizer(`pattern-${String(i).padStart(2, '0')}`, { pre_tokenizer: split(pattern, behavior, i % 5 === 4), model: only }));

fs.mkdirSync(output, { recursive: true });
for (const [name, json] of Object.entries(zoo)) fs.writeFileSync(path.join(output, name + '.json'), JSON.stringify(json));
console.log(`${Object.keys(zoo).length} tokenizer files`);
