/** The recurrent nets from n_state 32 to 2048: forward, backward and update separately. */
import { buildModel } from '../lib/study/build-model.js';
import { Random } from '../lib/runtime/random.js';
import { feedsOf, inTurns, microseconds, tokenizer, train, type Effort, type Row } from './measure.js';

const PARTS = ['forward', 'backward', 'update'] as const;

/** A document of 7 letters; weight gradients that are products are computed by the update. */
export function widthRows({ turns, quick }: Effort): Row[] {
  const doc = train.find((name) => name.length === 7)!;
  return (quick ? [32, 128] : [32, 64, 128, 256, 512, 1024, 2048]).flatMap((nState) => {
    const count = Math.max(5, Math.round(20000 / nState));
    const loops = (['rnn', 'rnn_att'] as const).flatMap((name) => {
      const sizes = { nState, nAtt: 16 };
      const model = buildModel(name, tokenizer.vocabSize, sizes, new Random(42));
      const { program } = model.optimizer(1000).minimize(model.loss, { dtype: 'float32' });
      program.takeStep(feedsOf(doc, model.sizes.blockSize));
      return PARTS.map((part) => ({
        what: `${name} n_state ${nState} ${part}`,
        run: () => microseconds(count, () => program.runPart(part)),
      }));
    });
    const medians = inTurns(
      loops.map(({ run }) => run),
      turns,
    );
    const rows: Row[] = loops.map(({ what }, i) => ({ what, value: medians[i]!, unit: 'us' }));
    const sum = (of: readonly Row[]): number => of.reduce((all, { value }) => all + value, 0);
    const [rnn, rnnAtt] = [rows.slice(0, PARTS.length), rows.slice(PARTS.length)];
    const against = {
      what: `rnn_att n_state ${nState} against rnn`,
      value: sum(rnnAtt) / sum(rnn),
      unit: 'times',
    };
    return [...rows, against];
  });
}
