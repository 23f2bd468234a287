/** Files of the right format that are no model or no checkpoint: one table. */
import { Tokenizer } from '../../../lib/study/tokenizer.js';
import { writeFileSync, readFileSync } from 'node:fs';
import { buildModel } from '../../../lib/study/build-model.js';
import { Random } from '../../../lib/runtime/random.js';
import { saveCheckpoint } from '../../../lib/study/checkpoint-file.js';
import { type WrittenTensor, readSafetensors, writeSafetensors } from '../../../lib/weights/safetensors.js';
import { type Row, entry, fileOf, MILLION } from './file-of.js';
import { pattern } from '../pattern.js';

export const SIZES = { nEmbd: 4, nState: 6, nHead: 1, nLayer: 1, nAtt: 1, blockSize: 3 };

export const TOKENIZER = new Tokenizer(['abc']);

/** The bytes that `saveGood` writes, once they are known. */
let good: Buffer | undefined;

/** Writes a checkpoint of a recurrent net, which is also a model; it is trained once. */
export function saveGood(path: string): void {
  if (good) writeFileSync(path, good);
  else {
    trainGood(path);
    good = readFileSync(path);
  }
}

function trainGood(path: string): void {
  const model = buildModel('rnn', TOKENIZER.vocabSize, SIZES, new Random(1));
  const training = model.optimizer(10).minimize(model.loss);
  const losses = [training.step({ tokens: [3, 0, 1], targets: [0, 1, 3], length: 3 })];
  saveCheckpoint(path, model, TOKENIZER, { training, random: new Random(1), losses });
}

type Texts = Readonly<Record<string, string>>;

/** A good file with other texts, and other arrays. */
function changed(
  texts: Texts,
  arrays: Readonly<Record<string, WrittenTensor | undefined>> = {},
): Row['make'] {
  return (path) => {
    saveGood(path);
    const { tensors, metadata } = readSafetensors(readFileSync(path));
    for (const [name, text] of Object.entries(texts)) metadata.set(name, text);
    const written = new Map<string, WrittenTensor>();
    for (const [name, { shape, bytes, type }] of tensors) {
      const copy = Uint8Array.from(bytes).buffer;
      written.set(name, { shape, data: type === 'U32' ? new Uint32Array(copy) : new Float64Array(copy) });
    }
    for (const [name, tensor] of Object.entries(arrays)) {
      if (tensor) written.set(name, tensor);
      else written.delete(name);
    }
    writeFileSync(path, writeSafetensors(written, metadata));
  };
}

/** A model of these sizes whose arrays are holes, of float64 or bytes; without those left out. */
function holes(sizes: Partial<typeof SIZES>, dtype: 'F64' | 'U8', without?: string): Row['make'] {
  const { nEmbd, nState, blockSize, ...rest } = { ...SIZES, ...sizes };
  const shapes = {
    wte: [4, nEmbd],
    wpe: [blockSize, nEmbd],
    m: [nState, nState],
    token_proj: [nEmbd, nState],
    pos_proj: [nEmbd, nState],
    lm_head: [nState, 4],
  };
  let end = 0;
  const entries = Object.entries(shapes)
    .filter(([name]) => name !== without)
    .map(([name, [rows, cols]]) => {
      const begin = end;
      end += rows! * cols! * (dtype === 'F64' ? 8 : 1);
      return `"${name}":${entry(`"${dtype}"`, `[${rows!},${cols!}]`, `[${begin},${end}]`)}`;
    });
  const texts = Object.entries({
    model: 'rnn',
    dtype: 'float64',
    tokenizer: 'abc',
    nEmbd,
    nState,
    blockSize,
    ...rest,
  }).map(([name, text]) => `"${name}":"${text}"`);
  const header = `{"__metadata__":{${texts.join()}},${entries.join()}}`;
  return fileOf(header, { size: 8 + header.length + end });
}

const model = (what: string, make: Row['make'], message: RegExp): Row => ({
  what,
  make,
  said: { model: new RegExp(`^WeightsError: ".*"(:| has) ${message.source}`) },
});

const supplementary = (count: number): string =>
  String.fromCodePoint(...Array.from({ length: 1000 }, (_, i) => 0x10000 + i)).concat(
    ...Array.from({ length: count / 1000 - 1 }, (_, k) =>
      String.fromCodePoint(...Array.from({ length: 1000 }, (_u, i) => 0x10000 + 1000 * (k + 1) + i)),
    ),
  );

export const MODELS: readonly Row[] = [
  ...['1e9', '1000000000', '-4', '0', '4.0', 'NaN', 'Infinity', '', 'null', '9'.repeat(1e6)].map((nEmbd) =>
    model(
      `nEmbd ${nEmbd.slice(0, 20)}`,
      changed({ nEmbd }),
      /nEmbd ".*"(\.\.\.)?: expected a whole number from 1 to 9999999$/,
    ),
  ),
  model('nEmbd 9999999', changed({ nEmbd: '9999999' }), /'wte' has shape \[4, 4\]: expected \[4, 9999999\]$/),
  model(
    'nLayer 9999999',
    changed({ model: 'vector', nLayer: '9999999' }),
    /vector of these sizes would not fit in memory$/,
  ),
  model(
    'a million layers',
    changed({ model: 'vector', nLayer: '999999', blockSize: '1' }),
    /'wpe' has shape \[3, 4\]: expected \[1, 4\]$/,
  ),
  model(
    'a million layers, the first arrays of which are there',
    changed(
      { model: 'vector', nLayer: '999999', blockSize: '1' },
      { wpe: zeros(1, 4), lm_head: zeros(4, 4) },
    ),
    /no 'layer0.attn_wq': it has/,
  ),
  model(
    'blockSize 9999999',
    changed({ blockSize: '9999999' }),
    /rnn of these sizes would not fit in memory$/,
  ),
  model(
    'a tokenizer of a million characters',
    changed({ tokenizer: supplementary(MILLION) }),
    /'wte' has shape \[4, 4\]: expected \[1000001, 4\]$/,
  ),
  model(
    'a tokenizer of a million times one character',
    changed({ tokenizer: 'a'.repeat(MILLION) }),
    /tokenizer "a{40}"\.\.\.: expected each character once/,
  ),
  model(
    'a tokenizer of many lines',
    changed({ tokenizer: '\n\r\n' }),
    /tokenizer "\\n\\r\\n": expected each character once/,
  ),
  model(
    'another model',
    changed({ model: 'gpt\n2' }),
    /model "gpt\\n2": expected scalar, vector, rnn, rnn_att$/,
  ),
  model('another type', changed({ dtype: 'float16' }), /dtype "float16": expected float64, float32$/),
  model(
    'sizes that do not fit each other',
    changed({ model: 'rnn_att', nAtt: '7' }),
    /nAtt 7 is more than nState 6/,
  ),
  model(
    'one array too many, of two lines',
    changed({}, { 'x\ny': zeros(1, 1) }),
    /'x\\u\{a\}y' too, which rnn of these sizes does not have$/,
  ),
  model(
    'one array too few, the others of 1.4 GB',
    holes({ nEmbd: 9_999_999, nState: 6, blockSize: 1 }, 'F64', 'lm_head'),
    /no 'lm_head': it has/,
  ),
  model(
    'arrays of 6 GB in 800 MB',
    holes({ nEmbd: 9_999_999, nState: 36, blockSize: 1 }, 'U8'),
    /rnn of \d+ numbers, more than 67108864, would not fit in memory$/,
  ),
];

function zeros(rows: number, cols: number): WrittenTensor {
  return { shape: [rows, cols], data: new Float64Array(rows * cols) };
}

const list = (length: number, value: number): WrittenTensor => ({
  shape: [length],
  data: new Float64Array(length).fill(value),
});

const checkpoint = (what: string, make: Row['make'], message: RegExp): Row => ({
  what,
  make,
  said: { checkpoint: new RegExp(`^WeightsError: ".*"(:| has) ${message.source}`) },
});

export const CHECKPOINTS: readonly Row[] = [
  ...['-1', 'NaN', '1e9', '1000000000', '1.5', '', 'null', '9'.repeat(1e6)].flatMap((count) => [
    checkpoint(
      `steps ${count.slice(0, 20)}`,
      changed({ steps: count }),
      /steps ".*"(\.\.\.)?: it is not a checkpoint/,
    ),
    checkpoint(
      `runs ${count.slice(0, 20)}`,
      changed({ runs: count }),
      /runs ".*"(\.\.\.)?: it is not a checkpoint/,
    ),
  ]),
  checkpoint(
    'steps 999999999',
    changed({ steps: '999999999' }),
    /999999999 steps were taken already, more than the 10000000 requested/,
  ),
  checkpoint(
    'ten million steps, of which one was taken',
    changed({ steps: '10000000' }),
    /restore: step 10000000 was taken with rates/,
  ),
  checkpoint(
    'a learning rate of NaN',
    changed({}, { 'training/rule': list(2, NaN) }),
    /restore: step 1 was taken with rates NaN, NaN/,
  ),
  checkpoint(
    'two losses of one step',
    changed({}, { 'training/losses': list(2, 1) }),
    /'training\/losses' has 2 numbers: expected at most 1$/,
  ),
  checkpoint(
    'losses in two axes',
    changed({}, { 'training/losses': zeros(1, 1) }),
    /'training\/losses' has shape \[1, 1\]: expected \[1\]$/,
  ),
  checkpoint('no losses', changed({}, { 'training/losses': undefined }), /no 'training\/losses'/),
  ...[NaN, -1, 1.5, 2 ** 32, 1e308, Infinity].map((word) =>
    checkpoint(
      `a generator's state of ${word}`,
      changed({}, { 'training/random': list(628, word) }),
      /'training\/random' is not the state of a random generator$/,
    ),
  ),
  checkpoint(
    "a generator's state whose place is beyond it",
    changed({}, { 'training/random': list(628, 2 ** 32 - 1) }),
    /'training\/random' is not the state of a random generator$/,
  ),
  checkpoint(
    "a generator's state of one word",
    changed({}, { 'training/random': list(1, 1) }),
    /'training\/random' has shape \[1\]: expected \[628\]$/,
  ),
  checkpoint(
    'a velocity of another shape',
    changed({}, { 'optimizer.0/m': zeros(4, 9) }),
    /'optimizer.0\/m' has shape \[4, 9\]: expected \[6, 6\]$/,
  ),
  checkpoint(
    'a second velocity',
    changed({}, { 'optimizer.1/m': zeros(6, 6) }),
    pattern(
      /'optimizer.1\/m' too, which a checkpoint of this training does not have: /,
      /give the optimiser that was saved, with the same parameters frozen$/,
    ),
  ),
];
