declare module 'node-gyp-build' {
  /** Loads the addon that was built, or comes prebuilt, in a package's folder. */
  export default function load(folder: string): unknown;
}
