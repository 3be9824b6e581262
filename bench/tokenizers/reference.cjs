// The reference library's side of the benchmark: for each "go" on stdin it encodes all lines and prints the milliseconds.
// Usage: node reference.cjs FOLDER_WITH_node_modules TOKENIZER_JSON LINES_FILE
'use strict';
const fs = require('fs'), path = require('path'), readline = require('readline');
const [, , modules, file, linesFile] = process.argv;
const { Tokenizer } = require(path.resolve(modules, 'node_modules/tokenizers'));
const lines = fs.readFileSync(linesFile, 'utf8').split('\n').filter(line => line.length);
const real = Tokenizer.fromFile(file);
// The same lines through a tokenizer that does nothing: what it costs to hand strings over to the library and encodings back.
const idle = Tokenizer.fromString(JSON.stringify({
  version: '1.0', added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null,
  model: { type: 'WordLevel', vocab: { a: 0 }, unk_token: 'a' },
}));
readline.createInterface({ input: process.stdin }).on('line', async what => {
  const tokenizer = what === 'idle' ? idle : real;
  const begin = process.hrtime.bigint();
  const encodings = await tokenizer.encodeBatch(lines);
  const end = process.hrtime.bigint();
  let tokens = 0;
  for (const e of encodings) tokens += e.getLength();
  console.log(`${Number(end - begin) / 1e6} ${tokens}`);
});
