/**
 * Graphs drawn as text: exact drawings of small graphs, names that need escaping, and how Graphviz reads
 * them.
 */
import assert from 'node:assert/strict';
import { instance } from '@viz-js/viz';
import type { DrawOptions } from '../../lib/graph/to-dot.js';
import { buildModel } from '../../lib/study/build-model.js';
import { MODEL_NAMES } from '../../lib/study/models/sizes.js';
import type { Value } from '../../lib/value/value.js';
import { choose, meanOfFirst } from '../../lib/value/joins.js';
import { index, input, parameter } from '../../lib/value/leaves.js';
import { Random } from '../../lib/runtime/random.js';

const x = input('x');
const w = parameter(
  [
    [1, -2, 0.123456],
    [1e-7, NaN, 5],
  ],
  { name: 'w' },
);
const squared = (): Value => {
  const y = x.mul(x).pow(0.5).named('root');
  y.forward({ x: 3 });
  y.backward();
  return y;
};
const positions = (): Value => {
  const a = parameter(1, { name: 'a' });
  return meanOfFirst([a.mul(a), a.exp()], index('n'));
};

const DRAWN: [title: string, root: () => Value, options: DrawOptions, dot: string[], mermaid: string[]][] = [
  [
    'a leaf',
    () => w,
    {},
    ['n0 [label="w\\nparameter [2, 3]", style=filled];'],
    ['n0[["w<br/>parameter [2, 3]"]]'],
  ],
  [
    'the numbers of a parameter that never ran',
    () => w,
    { data: true, grad: true },
    ['n0 [label="w\\nparameter [2, 3]\\ndata [1, -2, 0.1235, 1e-7, ...]", style=filled];'],
    ['n0[["w<br/>parameter [2, 3]<br/>data [1, -2, 0.1235, 1e-7, ...]"]]'],
  ],
  [
    'data and gradients',
    squared,
    { data: true, grad: true },
    [
      'n0 [label="x\\ninput []\\ndata 3\\ngrad 1", shape=ellipse];',
      'n1 [label="mul []\\ndata 9\\ngrad 0.1667"];',
      'n2 [label="root\\npow exponent=0.5 []\\ndata 3\\ngrad 1"];',
      'n0 -> n1;',
      'n0 -> n1;',
      'n1 -> n2;',
    ],
    [
      'n0(["x<br/>input []<br/>data 3<br/>grad 1"])',
      'n1["mul []<br/>data 9<br/>grad 0.1667"]',
      'n2["root<br/>pow exponent=0.5 []<br/>data 3<br/>grad 1"]',
      'n0 --> n1',
      'n0 --> n1',
      'n1 --> n2',
    ],
  ],
  [
    'operands in their order, each once',
    () => w.slice(0, 1).sub(w.slice(1, 2)).mul(2),
    {},
    [
      'n0 [label="w\\nparameter [2, 3]", style=filled];',
      'n1 [label="slice axis=0 start=0 stop=1 [1, 3]"];',
      'n2 [label="slice axis=0 start=1 stop=2 [1, 3]"];',
      'n3 [label="sub [1, 3]"];',
      'n4 [label="constant value=2 []"];',
      'n5 [label="mul [1, 3]"];',
      'n0 -> n1;',
      'n0 -> n2;',
      'n1 -> n3;',
      'n2 -> n3;',
      'n3 -> n5;',
      'n4 -> n5;',
    ],
    [
      'n0[["w<br/>parameter [2, 3]"]]',
      'n1["slice axis=0 start=0 stop=1 [1, 3]"]',
      'n2["slice axis=0 start=1 stop=2 [1, 3]"]',
      'n3["sub [1, 3]"]',
      'n4["constant value=2 []"]',
      'n5["mul [1, 3]"]',
      'n0 --> n1',
      'n0 --> n2',
      'n1 --> n3',
      'n2 --> n3',
      'n3 --> n5',
      'n4 --> n5',
    ],
  ],
  [
    'indices, and a choice of many',
    () => choose([x, x.neg()], index('i', 2).at(1)),
    { data: true },
    [
      'n0 [label="x\\ninput []\\ndata 3", shape=ellipse];',
      'n1 [label="neg []"];',
      'n2 [label="i\\nindex [2]", shape=ellipse];',
      'n3 [label="element start=1 []"];',
      'n4 [label="choose []"];',
      'n0 -> n1;',
      'n2 -> n3;',
      'n0 -> n4;',
      'n1 -> n4;',
      'n3 -> n4;',
    ],
    [
      'n0(["x<br/>input []<br/>data 3"])',
      'n1["neg []"]',
      'n2(["i<br/>index [2]"])',
      'n3["element start=1 []"]',
      'n4["choose []"]',
      'n0 --> n1',
      'n2 --> n3',
      'n0 --> n4',
      'n1 --> n4',
      'n3 --> n4',
    ],
  ],
  [
    'a parameter once',
    positions,
    {},
    [
      'n0 [label="a\\nparameter []", style=filled];',
      'n1 [label="mul []"];',
      'n2 [label="exp []"];',
      'n3 [label="n\\nindex []", shape=ellipse];',
      'n4 [label="addN prefix=true []"];',
      'n5 [label="inverseCount []"];',
      'n6 [label="mul []"];',
      'n0 -> n1;',
      'n0 -> n1;',
      'n0 -> n2;',
      'n1 -> n4;',
      'n2 -> n4;',
      'n3 -> n4;',
      'n3 -> n5;',
      'n4 -> n6;',
      'n5 -> n6;',
    ],
    [
      'n0[["a<br/>parameter []"]]',
      'n1["mul []"]',
      'n2["exp []"]',
      'n3(["n<br/>index []"])',
      'n4["addN prefix=true []"]',
      'n5["inverseCount []"]',
      'n6["mul []"]',
      'n0 --> n1',
      'n0 --> n1',
      'n0 --> n2',
      'n1 --> n4',
      'n2 --> n4',
      'n3 --> n4',
      'n3 --> n5',
      'n4 --> n6',
      'n5 --> n6',
    ],
  ],
  [
    'a parameter for each position',
    positions,
    { parametersByPosition: true },
    [
      'n0 [label="a\\nparameter []", style=filled];',
      'n1 [label="mul []"];',
      'n2 [label="a\\nparameter []", style=filled];',
      'n3 [label="exp []"];',
      'n4 [label="n\\nindex []", shape=ellipse];',
      'n5 [label="addN prefix=true []"];',
      'n6 [label="inverseCount []"];',
      'n7 [label="mul []"];',
      'n0 -> n1;',
      'n0 -> n1;',
      'n2 -> n3;',
      'n1 -> n5;',
      'n3 -> n5;',
      'n4 -> n5;',
      'n4 -> n6;',
      'n5 -> n7;',
      'n6 -> n7;',
    ],
    [
      'n0[["a<br/>parameter []"]]',
      'n1["mul []"]',
      'n2[["a<br/>parameter []"]]',
      'n3["exp []"]',
      'n4(["n<br/>index []"])',
      'n5["addN prefix=true []"]',
      'n6["inverseCount []"]',
      'n7["mul []"]',
      'n0 --> n1',
      'n0 --> n1',
      'n2 --> n3',
      'n1 --> n5',
      'n3 --> n5',
      'n4 --> n5',
      'n4 --> n6',
      'n5 --> n7',
      'n6 --> n7',
    ],
  ],
  [
    'a lone parameter, also by position',
    () => w,
    { parametersByPosition: true },
    ['n0 [label="w\\nparameter [2, 3]", style=filled];'],
    ['n0[["w<br/>parameter [2, 3]"]]'],
  ],
];

/** A name, its text in either language, and the lines that Graphviz draws. */
const NAMES: [name: string, dot: string, mermaid: string, drawn: string[]][] = [
  ['say "hi"', 'say \\"hi\\"', 'say #34;hi#34;', ['say "hi"']],
  ['two\nlines', 'two\\nlines', 'two<br/>lines', ['two', 'lines']],
  ['old\r\nlines\r', 'old\\nlines\\n', 'old<br/>lines<br/>', ['old', 'lines', '']],
  ['w[0][1]', 'w[0][1]', 'w[0][1]', ['w[0][1]']],
  ['{a|b}(c)<d>', '{a|b}(c)<d>', '#123;a#124;b#125;#40;c#41;#60;d#62;', ['{a|b}(c)<d>']],
  ['back\\slash\\', 'back\\\\slash\\\\', 'back#92;slash#92;', ['back\\slash\\']],
  ['\\N \\n \\"', '\\\\N \\\\n \\\\\\"', '#92;#8288;N #92;#8288;n #92;#34;', ['\\N \\n \\"']],
  ['a &amp; b', 'a &amp;amp; b', 'a #38;amp#59; b', ['a &amp; b']],
  ['#35; %% $$x$$', '#35; %% $$x$$', '#35;35#59; #37;#37; #36;#8288;#36;x#36;#8288;#36;', ['#35; %% $$x$$']],
  ['1. `a` - *b*', '1. `a` - *b*', '1#46; #96;a#96; #45; #42;b#42;', ['1. `a` - *b*']],
  ['żółw 你好 😀', 'żółw 你好 😀', 'żółw 你好 #128512;', ['żółw 你好 😀']],
  [
    'nul\0tab\t\ud800',
    'nul\\\\u{0}tab\\\\u{9}\\\\u{d800}',
    'nul#92;u#123;0#125;tab#92;u#123;9#125;#92;u#123;d800#125;',
    ['nul\\u{0}tab\\u{9}\\u{d800}'],
  ],
  ['$$$', '$$$', '#36;#8288;#36;#8288;#36;', ['$$$']],
  [
    'fa:fa-car fab:FA-x',
    'fa:fa-car fab:FA-x',
    'fa#58;#8288;fa-car fab#58;#8288;FA-x',
    ['fa:fa-car fab:FA-x'],
  ],
  ['ﬂ°°36¶ß', 'ﬂ°°36¶ß', 'ﬂ#8288;#176;#176;36#182;#8288;ß', ['ﬂ°°36¶ß']],
  [
    'turned\u202e \u2028',
    'turned\\\\u{202e} \\\\u{2028}',
    'turned#92;u#123;202e#125; #92;u#123;2028#125;',
    ['turned\\u{202e} \\u{2028}'],
  ],
  ['', '', '', ['']],
];

/**
 * What Mermaid 11 acts on once it has decoded numbered characters: formulas, icons, line breaks, its own
 * marks.
 */
const MERMAID_ACTS_ON = [/\$\$(.*)\$\$/, /(fa[bklrs]?):fa-([\w-]+)/i, /\\n/, /ﬂ°/, /¶ß/];

const body = (text: string): string[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^ {2}/, ''));

describe('a drawing', () => {
  for (const [title, root, options, dot, mermaid] of DRAWN) {
    it(`shows ${title}`, () => {
      const value = root();
      assert.deepEqual(body(value.toDot(options)), ['digraph {', 'node [shape=box];', ...dot, '}']);
      assert.deepEqual(body(value.toMermaid(options)), ['flowchart TD', ...mermaid]);
    });
  }

  it('is the same for the same graph', () => {
    const model = (): Value => buildModel('rnn', 5, { blockSize: 3 }, new Random(1)).loss;
    const [first, second] = [model(), model()];
    const options = { data: true, parametersByPosition: true };
    assert.equal(first.toDot(options), second.toDot(options));
    assert.equal(first.toMermaid(options), second.toMermaid(options));
  });

  it('takes any depth, and gives each node one box, of its own number, however many ways lead to it', () => {
    let deep: Value = x;
    for (let i = 0; i < 50_000; i++) deep = deep.add(deep);
    const lines = body(deep.toDot());
    assert.equal(lines.length, 50_001 + 100_000 + 3);
    const boxes = lines.flatMap((line) => /^(n\d+) \[/.exec(line)?.[1] ?? []);
    assert.equal(new Set(boxes).size, 50_001);
    assert.deepEqual(lines.slice(-3), ['n49999 -> n50000;', 'n49999 -> n50000;', '}']);
  });
});

describe('a name in a drawing', () => {
  for (const [name, dot, mermaid, drawn] of NAMES) {
    it(JSON.stringify(name), async () => {
      const value = parameter(1, { name });
      assert.equal(body(value.toDot())[2], `n0 [label="${dot}\\nparameter []", style=filled];`);
      assert.equal(body(value.toMermaid())[1], `n0[["${mermaid}<br/>parameter []"]]`);
      const decoded = value
        .toMermaid()
        .replace(/#(\d+);/g, (_, n: string) => String.fromCodePoint(Number(n)));
      for (const pattern of MERMAID_ACTS_ON) assert.doesNotMatch(decoded, pattern);
      const svg = (await instance()).renderString(value.toDot(), { format: 'svg' });
      const lines = Array.from(svg.matchAll(/<text [^>]*>(.*?)<\/text>/g), ([, text]) => unescaped(text!));
      // Graphviz draws no element for an empty line.
      assert.deepEqual(lines, [...drawn.filter((line) => line !== ''), 'parameter []']);
    });
  }
});

describe('Graphviz reads the drawing of', () => {
  for (const name of MODEL_NAMES) {
    it(name, async () => {
      const sizes = { blockSize: 2, nEmbd: 2, nHead: 1 };
      const { loss } = buildModel(name, 5, sizes, new Random(1));
      const dot = loss.toDot({ data: true });
      const result = (await instance()).render(dot, { format: 'json' });
      assert.deepEqual([result.status, result.errors], ['success', []]);
      const { objects, edges } = JSON.parse(result.output!) as Record<'objects' | 'edges', unknown[]>;
      assert.equal(objects.length, dot.match(/ \[label="/g)!.length);
      assert.equal(edges.length, dot.match(/ -> /g)!.length);
    });
  }
});

function unescaped(text: string): string {
  const known: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"' };
  return text
    .replace(/&(?:#(\d+)|(\w+));/g, (_, number: string | undefined, entity: string) =>
      number === undefined ? known[entity]! : String.fromCodePoint(Number(number)),
    )
    .replace(/\u00a0/g, ' ');
}
