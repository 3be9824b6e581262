// Writes tests/fixtures/tokenizers/{minilm,roberta,t5}.cases.jsonl.gz and zoo.jsonl.gz (a tokenizer file with its cases on each line).
// Usage: node tokenizer_fixtures.cjs FOLDER_WITH_node_modules FIXTURES_FOLDER
'use strict';
const fs = require('fs'), os = require('os'), path = require('path'), zlib = require('zlib');
const { execFileSync } = require('child_process');
const [, , modules, fixtures] = process.argv;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'graft-zoo-'));
const oracle = (file, count, seed) =>
  execFileSync('node', [path.join(__dirname, 'tokenizers.cjs'), modules, file, 'random', count, seed], { maxBuffer: 1 << 30 }).toString();
const save = (name, text) => fs.writeFileSync(path.join(fixtures, name), zlib.gzipSync(text, { level: 9 }));

for (const name of ['minilm', 'roberta', 't5']) {
  const file = path.join(folder, name + '.json');
  fs.writeFileSync(file, zlib.gunzipSync(fs.readFileSync(path.join(fixtures, name + '.json.gz'))));
  save(name + '.cases.jsonl.gz', oracle(file, '400', '11'));
}
const zoo = path.join(folder, 'zoo');
execFileSync('node', [path.join(__dirname, 'tokenizer_zoo.cjs'), fixtures, zoo]);
const lines = fs.readdirSync(zoo).sort().map(file => {
  const cases = oracle(path.join(zoo, file), file.startsWith('pattern') ? '40' : '80', '12').trim().split('\n').map(line => JSON.parse(line));
  return JSON.stringify({ name: path.basename(file, '.json'), tokenizer: JSON.parse(fs.readFileSync(path.join(zoo, file), 'utf8')), cases });
});
save('zoo.jsonl.gz', lines.join('\n') + '\n');
fs.rmSync(folder, { recursive: true });
