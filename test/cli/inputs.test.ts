/**
 * What commands read: pipes that begin late, never or never end, devices, and the ./input.txt of a folder.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { embeddedNamesPath } from '../../lib/study/documents.js';
import { packageRoot } from '../../lib/core/package.js';
import { readWhole } from '../../lib/core/read-file.js';
import { benchReport } from '../support/bench-report.js';
import { vecgrad, type Said } from '../support/command-line.js';
import { pattern } from '../support/pattern.js';
import { WATCHDOG } from '../support/watchdog.js';

const CLI = join(packageRoot(), 'dist/cli.cjs');
const nothing = (): void => undefined;

describe('what is read', () => {
  let folder: string;
  beforeEach(function () {
    if (process.platform === 'win32') this.skip();
    folder = mkdtempSync(join(tmpdir(), 'vecgrad-inputs-'));
    writeFileSync(join(folder, 'report.json'), JSON.stringify(benchReport()));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs a script in which `v` is vecgrad, and `pipe` a named pipe; what it prints. */
  const run = (script: string): string => {
    const { stdout, stderr, status } = spawnSync(
      'bash',
      ['-c', `mkfifo pipe; v() { "${process.execPath}" "${CLI}" "$@"; }; ${script}; wait`],
      { cwd: folder, encoding: 'utf8', timeout: WATCHDOG },
    );
    assert.equal(status, 0, `${String(status)} ${stderr}`);
    return `${stdout}${stderr}`;
  };
  /** A command in the folder, in this process. */
  const here = async (command: string): Promise<Said> => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      return await vecgrad(command.split(' '));
    } finally {
      process.chdir(before);
    }
  };
  const fifo = (): unknown => execFileSync('mkfifo', [join(folder, 'pipe')]);
  const train = (input: string): string => `v train rnn --steps 1 --samples 0 --input ${input}`;
  const two = /^documents {3}2 /m;

  const rows: [what: string, script: string, said: RegExp][] = [
    ['documents from standard input', `printf 'ab\\nba\\n' | ${train('/dev/stdin')}`, two],
    ['documents from a file as standard input', `printf 'ab\\nba\\n' > f; ${train('/dev/stdin')} < f`, two],
    ['documents from a command', train("<(printf 'ab\\nba\\n')"), two],
    [
      'documents that come in pieces, late',
      `(sleep 0.3; printf 'ab\\nb'; sleep 0.3; printf 'a\\n') | ${train('/dev/stdin')}`,
      two,
    ],
    [
      'not standard input that ends at once',
      `true | ${train('/dev/stdin')}`,
      /^vecgrad: "\/dev\/stdin" is empty/m,
    ],
    [
      'not standard input without an end',
      `yes | ${train('/dev/stdin')}`,
      pattern(
        /^vecgrad: cannot read "\/dev\/stdin": it holds more than 67108864 bytes: /,
        /write the pipe to a file first$/m,
      ),
    ],
    [
      'not one line without an end',
      `yes | tr -d '\\n' | ${train('<(cat)')}`,
      /^vecgrad: cannot read "\/dev\/fd\/\d+": it holds more than 67108864 bytes/m,
    ],
    [
      'not what it writes itself',
      `${train('/dev/stdout')} 2>&1 | cat`,
      /^vecgrad: cannot read "\/dev\/stdout": this process writes to that pipe: give/m,
    ],
    [
      'nor the errors that it writes',
      `(v bench compare /dev/stderr report.json 3>&1 1>/dev/null 2>&3) | cat`,
      /^vecgrad: cannot read "\/dev\/stderr": this process writes to that pipe/m,
    ],
    ['reports from a command', 'v bench compare report.json <(cat report.json)', /^A +.*\nB +/m],
    [
      'no report without an end',
      'yes | v bench compare /dev/stdin',
      /^vecgrad: cannot read "\/dev\/stdin": it holds more than 50000000 bytes/m,
    ],
  ];
  for (const [what, script, said] of rows) {
    it(what, () => {
      assert.match(run(script), said);
    });
  }

  const noInput: [what: string, make: () => void, command: string, said: RegExp][] = [
    [
      'not a device',
      nothing,
      'train rnn --steps 1 --input /dev/zero',
      /^vecgrad: "\/dev\/zero" is neither a file nor a pipe/,
    ],
    [
      'not a file without an end',
      nothing,
      'eval report.json --input /dev/zero',
      /^vecgrad: "report.json": it is no safetensors file: one begins with the length of its header/,
    ],
    [
      'no report from a device',
      nothing,
      'bench compare /dev/zero',
      /^vecgrad: cannot read "\/dev\/zero": it is neither a file nor a pipe$/m,
    ],
    [
      'no report from a link to nothing',
      () => symlinkSync('gone', join(folder, 'l')),
      'bench compare l',
      /^vecgrad: cannot read "l": it is a link to "gone", which does not exist \(ENOENT\)$/m,
    ],
    [
      'no model from a pipe that nobody writes to',
      fifo,
      'sample pipe',
      /^vecgrad: cannot read "pipe": it is a pipe: give the name of a file$/m,
    ],
    [
      'no model from a link to nothing',
      () => symlinkSync('gone', join(folder, 'l')),
      'sample l',
      /^vecgrad: cannot read "l": it is a link to "gone", which does not exist \(ENOENT\)$/m,
    ],
  ];
  for (const [what, make, command, said] of noInput) {
    it(what, async () => {
      make();
      assert.match((await here(command)).err, said);
    });
  }

  for (const command of ['train rnn --steps 1 --input pipe', 'bench compare pipe']) {
    it(`${command} gives up a named pipe that nobody writes to, by a clock that runs fast`, async () => {
      fifo();
      const { hrtime } = process;
      let seconds = 0;
      process.hrtime = Object.assign((): [number, number] => [seconds++, 0], hrtime);
      try {
        const { err } = await here(command);
        assert.equal(err, 'vecgrad: cannot read "pipe": it is a pipe that nobody wrote to for 5 s\n');
      } finally {
        process.hrtime = hrtime;
      }
      assert.ok(seconds > 5);
    });
  }

  it('a named pipe to which somebody writes later', () => {
    fifo();
    spawn('sh', ['-c', "sleep 0.2; printf 'ab\\nba\\n' > pipe"], { cwd: folder });
    assert.equal(readWhole(join(folder, 'pipe'), 10, Infinity).toString(), 'ab\nba\n');
  });

  describe('is not written over by the same command', () => {
    const names = 'anna\nbob\ncarla\n';
    const save = 'train rnn --steps 1 --samples 0';
    const draw = 'graph rnn --positions 1';
    const isRead = (option: string, path: string, as = ''): RegExp =>
      new RegExp(
        `^vecgrad: ${option} "${path}" is a file that this command reads${as && ` \\(as "${as}"\\)`}, ` +
          'and would replace it: give the name of another file\nexit 2\n$',
      );
    const comesFrom = (path: string): RegExp =>
      new RegExp(
        `^vecgrad: cannot write "${path}": standard input is read from it: give the name of another ` +
          'file\nexit 1\n$',
      );
    const symbolic = (from: string): void => symlinkSync('names.txt', join(folder, from));
    const refused: [what: string, make: () => void, command: string, said: RegExp][] = [
      [
        '--save to the documents',
        nothing,
        `${save} --input names.txt --save names.txt`,
        isRead('--save', 'names.txt'),
      ],
      [
        '--save to the documents by another path',
        nothing,
        `${save} --input names.txt --save ./x/../names.txt`,
        isRead('--save', './x/../names.txt', 'names.txt'),
      ],
      [
        '--save to a link to the documents',
        () => symbolic('l'),
        `${save} --input names.txt --save l`,
        isRead('--save', 'l', 'names.txt'),
      ],
      [
        '--save to the documents behind a link',
        () => symbolic('l'),
        `${save} --input l --save names.txt`,
        isRead('--save', 'names.txt', 'l'),
      ],
      [
        '--save to a hard link to the documents',
        () => linkSync(join(folder, 'names.txt'), join(folder, 'l')),
        `${save} --input names.txt --save l`,
        isRead('--save', 'l', 'names.txt'),
      ],
      [
        '--save to ./input.txt, which is read by default',
        () => symbolic('input.txt'),
        `${save} --save names.txt`,
        isRead('--save', 'names.txt', 'input.txt'),
      ],
      [
        '--save to the documents, with --resume',
        nothing,
        `${save} --input names.txt --save names.txt --resume`,
        isRead('--save', 'names.txt'),
      ],
      [
        '--svg to the documents',
        nothing,
        `${draw} --input names.txt --svg names.txt`,
        isRead('--svg', 'names.txt'),
      ],
      [
        '--html to a report',
        nothing,
        'bench compare report.json --html report.json',
        isRead('--html', 'report.json'),
      ],
      [
        '--html to a link to a later report',
        () => symlinkSync('report.json', join(folder, 'l')),
        'bench compare names.txt report.json --html l',
        isRead('--html', 'l', 'report.json'),
      ],
    ];
    /** Where standard input, or another descriptor, is a file. */
    const redirected: [what: string, script: string, said: RegExp][] = [
      [
        '--save to standard input',
        `v ${save} --input /dev/stdin --save names.txt < names.txt`,
        isRead('--save', 'names.txt', '/dev/stdin'),
      ],
      [
        '--save to standard input, which is not read',
        `v ${save} --input <(printf 'ab\\nba\\n') --save names.txt < names.txt`,
        comesFrom('names.txt'),
      ],
      [
        '--save to a descriptor that is read',
        `v ${save} --input /dev/fd/3 --save names.txt 3< names.txt`,
        isRead('--save', 'names.txt', '/dev/fd/3'),
      ],
      [
        '--svg to ./input.txt, which is read by default',
        `mv names.txt input.txt; v ${draw} --svg input.txt; e=$?; mv input.txt names.txt; (exit $e)`,
        isRead('--svg', 'input.txt'),
      ],
      [
        '--svg to standard input',
        `v ${draw} --input report.json --svg names.txt < names.txt`,
        comesFrom('names.txt'),
      ],
      [
        '--html to standard input',
        'v bench compare report.json --html names.txt < names.txt',
        comesFrom('names.txt'),
      ],
      ['--json to standard input', 'v bench --json names.txt < names.txt', comesFrom('names.txt')],
      [
        '--out to standard input',
        'v data names --force --url http://h.invalid/ --out names.txt < names.txt',
        comesFrom('names.txt'),
      ],
    ];
    const report = JSON.stringify(benchReport());
    beforeEach(() => {
      writeFileSync(join(folder, 'names.txt'), names);
      mkdirSync(join(folder, 'x'));
    });
    const isUnchanged = (): void => {
      assert.equal(readFileSync(join(folder, 'names.txt'), 'utf8'), names);
      assert.equal(readFileSync(join(folder, 'report.json'), 'utf8'), report);
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.startsWith('.')),
        [],
      );
    };
    for (const [what, make, command, said] of refused) {
      it(what, async () => {
        make();
        const { err, code } = await here(command);
        assert.match(`${err}exit ${code}\n`, said);
        isUnchanged();
      });
    }
    for (const [what, script, said] of redirected) {
      it(what, () => {
        assert.match(run(`${script}; echo "exit $?"`).replace(/^(exit .\n)(.*)$/s, '$2$1'), said);
        isUnchanged();
      });
    }

    it('the list that comes with vecgrad is not either', async () => {
      const list = embeddedNamesPath();
      assert.match(
        (await here(`${save} --save ${list}`)).err,
        /--save ".*" is a file that this command reads, /,
      );
      assert.equal(readFileSync(list).length > 200_000, true);
    });

    it('but a model that training goes on from, and a copy of the documents', async () => {
      copyFileSync(join(folder, 'names.txt'), join(folder, 'copy'));
      const first = await here(`${save} --input names.txt --save copy`);
      assert.match(first.out, /1 step,/);
      const second = await here(`${save} --input names.txt --save copy --resume`);
      assert.equal(second.out.split('\n')[0], first.out.split('\n')[0]);
    });
  });

  it('a pipe that is given up after as long as was asked for', () => {
    fifo();
    const message = 'it is a pipe that nobody wrote to for 0.05 s';
    assert.throws(() => readWhole(join(folder, 'pipe'), 10, 50), { message });
  });

  it('as many bytes as may be, and not one more', () => {
    const path = join(folder, 'file');
    for (const size of [0, 1, 9, 10]) {
      writeFileSync(path, 'x'.repeat(size));
      assert.equal(readWhole(path, 10).toString(), 'x'.repeat(size));
    }
    writeFileSync(path, 'x'.repeat(11));
    assert.throws(() => readWhole(path, 10), { message: 'it holds more than 10 bytes' });
    const large = Buffer.alloc(1e6, 'abc');
    writeFileSync(path, large);
    assert.deepEqual(readWhole(path, 1e6), large);
    assert.throws(() => readWhole('/dev/null', 1), {
      message: 'it is a device: give the name of a file',
    });
  });

  describe('where no --input is given', () => {
    const input = (): string => join(folder, 'input.txt');
    const refused: [what: string, make: () => void, said: RegExp][] = [
      [
        'a link to nothing',
        () => symlinkSync('gone.txt', input()),
        /cannot read "input.txt": it is a link to "gone.txt", which does not exist/,
      ],
      [
        'a link to a link to nothing',
        () => {
          symlinkSync('gone.txt', join(folder, 'l'));
          symlinkSync('l', input());
        },
        /cannot read "input.txt": it is a link to "l", which does not exist/,
      ],
      [
        'a link to itself',
        () => symlinkSync('input.txt', input()),
        /cannot read "input.txt": its symbolic links form a loop/,
      ],
      ['a folder', () => mkdirSync(input()), /"input.txt" is a directory/],
      ['an empty file', () => writeFileSync(input(), ''), /"input.txt" is empty/],
      ['blank lines', () => writeFileSync(input(), '\n \n'), /"input.txt" has only blank lines/],
      ['a binary file', () => writeFileSync(input(), '\0\x01'), /"input.txt" is a binary file/],
      ['one document', () => writeFileSync(input(), 'emma\n'), /"input.txt" has only one document/],
      [
        'a link to a device',
        () => symlinkSync('/dev/zero', input()),
        /"input.txt" is neither a file nor a pipe/,
      ],
      [
        'a link under a file',
        () => {
          writeFileSync(join(folder, 'f'), '');
          symlinkSync('f/x', input());
        },
        /cannot read "input.txt": part of its path is a file/,
      ],
    ];
    for (const [what, make, said] of refused) {
      for (const command of ['train rnn --steps 1', 'compare --steps 1', 'graph rnn']) {
        if (command !== 'train rnn --steps 1' && what !== 'a link to nothing') continue;
        it(`${command} refuses ./input.txt that is ${what}`, async () => {
          make();
          const { code, err } = await here(command);
          assert.match(err, new RegExp(`^vecgrad: ${said.source}[^\\n]*\\n$`));
          assert.equal(code, 1);
        });
      }
    }

    it('refuses ./input.txt that may not be read', async function () {
      if (process.getuid?.() === 0) this.skip(); // who may read all
      writeFileSync(input(), 'ab\nba\n');
      chmodSync(input(), 0);
      assert.match((await here('train rnn --steps 1')).err, /cannot read "input.txt": permission is denied/);
    });

    it('reads ./input.txt through a link', async () => {
      writeFileSync(join(folder, 'names'), 'ab\nba\n');
      symlinkSync('names', input());
      assert.match((await here('train rnn --steps 1 --samples 0')).out, two);
    });

    it('reads the embedded names where there is none', async () => {
      assert.match((await here('train rnn --steps 1 --samples 0')).out, /32,257 \(the embedded names\)/);
    });
  });
});
