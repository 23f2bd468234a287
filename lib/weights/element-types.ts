/** The element types of the safetensors format: their sizes, and how to read each as a number. */

/** Bytes per element, by the format's type name. */
export const BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const;

/** An element type, by the format's name. */
export type TensorType = keyof typeof BYTES;

export const READ: Record<TensorType, (view: DataView, at: number) => number> = {
  BOOL: (view, at) => view.getUint8(at),
  U8: (view, at) => view.getUint8(at),
  I8: (view, at) => view.getInt8(at),
  I16: (view, at) => view.getInt16(at, true),
  U16: (view, at) => view.getUint16(at, true),
  F16: (view, at) => half(view.getUint16(at, true)),
  BF16: (view, at) => {
    SINGLE.setUint32(0, view.getUint16(at, true) << 16);
    return SINGLE.getFloat32(0);
  },
  I32: (view, at) => view.getInt32(at, true),
  U32: (view, at) => view.getUint32(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
  F64: (view, at) => view.getFloat64(at, true),
};

const SINGLE = new DataView(new ArrayBuffer(4));

/** The number that these 16 bits encode (IEEE 754 half precision). */
function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return exponent ? sign * (1 + fraction / 1024) * 2 ** (exponent - 15) : sign * fraction * 2 ** -24;
}
