/** Converts text to tokens and back: one token per character, and BOS before and after each document. */
import { type Documents, DataError, countOf, PlainLines, textAt } from './documents.js';
import { shown as wordsFor } from '../core/check.js';
import { quoted } from '../core/escape.js';
import { Corpus } from './corpus.js';

/** The most characters that a message lists. */
const SHOWN = 64;

/**
 * Converts characters to token ids and back. Characters are code points, in ascending order, as Python sorts
 * them. The id after the last character is `bos`, which begins and ends every document.
 */
export class Tokenizer {
  /** The character of each id. */
  readonly characters: readonly string[];
  /** The number of characters, plus one for `bos`. */
  readonly vocabSize: number;
  /** The id of the token that begins and ends a document. */
  readonly bos: number;
  /** By code point: id + 1, or 0 where the vocabulary lacks the character. */
  private readonly idAfter: Int32Array;

  constructor(docs: Documents) {
    const codePoints = distinctCodePoints(docs);
    this.characters = Array.from(codePoints, (codePoint) => String.fromCodePoint(codePoint));
    this.bos = codePoints.length;
    this.vocabSize = codePoints.length + 1;
    this.idAfter = new Int32Array((codePoints.at(-1) ?? 0) + 1);
    codePoints.forEach((codePoint, id) => (this.idAfter[codePoint] = id + 1));
  }

  /**
   * Encodes a document as `[bos, ...ids, bos]`.
   *
   * @throws DataError when `doc` has a character that the vocabulary lacks
   */
  encode(doc: string): number[] {
    if (typeof doc !== 'string') throw new DataError(`a document must be a string, got ${wordsFor(doc)}`);
    const { idAfter, bos } = this;
    const tokens = [bos];
    for (let i = 0; i < doc.length; i++) {
      const codePoint = doc.codePointAt(i)!;
      if (codePoint > 0xffff) i++;
      const id = (idAfter[codePoint] ?? 0) - 1;
      if (id < 0) {
        const hex = codePoint.toString(16).toUpperCase().padStart(4, '0');
        throw new DataError(
          `${quoted(doc, 60)} has a character that is not in the vocabulary: ` +
            `${quoted(String.fromCodePoint(codePoint))} (U+${hex}); it has ${this.shown()}`,
        );
      }
      tokens.push(id);
    }
    tokens.push(bos);
    return tokens;
  }

  /** The first characters of the vocabulary, for a message. */
  private shown(): string {
    const { characters } = this;
    const rest = characters.length - SHOWN;
    return `${quoted(characters.slice(0, SHOWN).join(''))}${rest > 0 ? ` and ${rest} more` : ''}`;
  }

  /**
   * Encodes the documents with these numbers.
   *
   * @throws DataError when one has a character that the vocabulary lacks
   */
  corpus(docs: Documents, numbers: Int32Array): Corpus {
    const count = countOf(docs);
    if (!(numbers instanceof Int32Array))
      throw new TypeError(`the documents' numbers: ${wordsFor(numbers)}, expected an Int32Array`);
    const outside = numbers.findIndex((number) => number < 0 || number >= count);
    if (outside >= 0)
      throw new RangeError(
        `the documents' numbers: [${outside}] is ${numbers[outside]!}: ` +
          (count > 0 ? `expected a document from 0 to ${count - 1}` : 'there are no documents'),
      );
    if (docs instanceof PlainLines) {
      const corpus = docs.encode(this.idAfter, this.bos, numbers);
      if (corpus) return corpus; // otherwise the loop below reports the character
    }
    const tokens: number[] = [];
    const firsts = new Int32Array(numbers.length + 1);
    numbers.forEach((number, i) => {
      firsts[i] = tokens.length;
      for (const token of this.encode(textAt(docs, number))) tokens.push(token);
      tokens.pop(); // the next document begins with it
    });
    firsts[numbers.length] = tokens.length;
    tokens.push(this.bos);
    return new Corpus(Int32Array.from(tokens), firsts);
  }

  /**
   * The text of token ids; `bos` adds nothing.
   *
   * @throws DataError when an id does not exist
   */
  decode(tokens: Iterable<number>): string {
    const isIterable =
      typeof tokens === 'object' &&
      (tokens as unknown) !== null &&
      typeof tokens[Symbol.iterator] === 'function';
    if (!isIterable) throw new TypeError(`tokens ${wordsFor(tokens)}: expected a list of token ids`);
    let text = '';
    for (const id of tokens) {
      if (!Number.isInteger(id) || id < 0 || id > this.bos) {
        throw new DataError(`there is no token ${wordsFor(id)}: ids go from 0 to ${this.bos}`);
      }
      if (id < this.bos) text += this.characters[id]!;
    }
    return text;
  }
}

/** The code points that occur in the documents, in ascending order. */
function distinctCodePoints(docs: Documents): number[] {
  if (docs instanceof PlainLines) return docs.codePoints;
  const count = countOf(docs);
  const seen = new Set<number>();
  for (let d = 0; d < count; d++) {
    const doc = textAt(docs, d);
    for (let i = 0; i < doc.length; i++) {
      const codePoint = doc.codePointAt(i)!;
      if (codePoint > 0xffff) i++;
      seen.add(codePoint);
    }
  }
  return [...seen].sort((a, b) => a - b);
}
