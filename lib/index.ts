/** vecgrad: define a graph once, differentiate it, and train it at the speed of hand-written SIMD. */
export { type BackgroundOptions, type Progress } from './runtime/background.js';
export {
  DataError,
  parseDocuments,
  readDocuments,
  splitHeldOut,
  embeddedNamesPath,
  type Documents,
  type Sliceable,
  type Split,
} from './study/documents.js';
export { Tokenizer } from './study/tokenizer.js';
export { Corpus } from './study/corpus.js';
export {
  runExperiment,
  type ExperimentOptions,
  type ExperimentResult,
  type Keeper,
  type Run,
} from './study/experiment.js';
export { buildModel, MODELS, type BuiltModel } from './study/build-model.js';
export { MODEL_NAMES, type ModelName, type ModelSizes } from './study/models/sizes.js';
export { type Column, type Dataset } from './runtime/dataset.js';
export { type DrawOptions } from './graph/to-dot.js';
export {
  clip,
  dropout,
  embedding,
  gelu,
  layerNorm,
  logSumExp,
  norm,
  silu,
  split,
  std,
  tensordot,
  variance,
  vstack,
  where,
  type VarianceOptions,
} from './value/functions.js';
export { logSoftmax, softmax, type MaskOptions } from './value/softmax.js';
export { cumprod, cumsum, prod, type CumsumOptions } from './value/scans.js';
export { crossEntropy, nll, type CrossEntropyOptions, type NllOptions } from './value/cross-entropy.js';
export {
  bce,
  bceWithLogits,
  huber,
  klDivergence,
  mae,
  mse,
  type HuberOptions,
  type LossOptions,
} from './value/losses.js';
export { einsum } from './value/einsum.js';
export { flip, pad, tile, type PadWidths } from './value/parts.js';
export { oneHot, scatterAdd, takeAlongAxis } from './value/picks.js';
export { argmin } from './value/order.js';
export {
  adaptiveAvgPool2d,
  avgPool1d,
  avgPool2d,
  conv1d,
  conv2d,
  convTranspose1d,
  convTranspose2d,
  maxPool1d,
  maxPool2d,
  type AvgPoolOptions,
  type ConvOptions,
  type ConvTransposeOptions,
  type PoolOptions,
  type Sizes2d,
} from './value/windows.js';
export {
  explain,
  type InputDescription,
  type ParameterDescription,
  type ProgramDescription,
} from './value/explain.js';
export { grad } from './value/grad.js';
export {
  Inference,
  inference,
  type InferenceOptions,
  type Outputs,
  type Results,
} from './value/inference.js';
export {
  gradCheck,
  GradCheckError,
  type GradCheckElement,
  type GradCheckOptions,
  type GradCheckReport,
} from './value/grad-check.js';
export { Value } from './value/value.js';
export type { NormOptions } from './value/norm-options.js';
export type { Axes, SliceOptions } from './value/axes.js';
export { constantIndex, Index, type IndexOptions, type Indices, type TopkOptions } from './value/indices.js';
export { addN, choose, concat, meanOfFirst, stack } from './value/joins.js';
export {
  constant,
  index,
  input,
  parameter,
  zeros,
  type ConstantOptions,
  type ParameterOptions,
} from './value/leaves.js';
export type { Node } from './graph/node.js';
export type { Numbers, TypedArray } from './core/array.js';
export {
  kernels,
  type GatherOptions,
  type KernelOptions,
  type MatmulOptions,
  type OutOptions,
  type SoftmaxOptions,
} from './runtime/kernels.js';
export { IsaError } from './binding/addon.js';
export { nativeInfo, type NativeInfo } from './binding/native-info.js';
export { ThreadsError } from './binding/threads.js';
export * from './value/operators.js';
export * as nn from './nn/index.js';
export { freeze, unfreeze, type Freezable } from './nn/freeze.js';
export {
  Adagrad,
  Adam,
  AdamW,
  Lion,
  RMSprop,
  SGD,
  type AdagradOptions,
  type AdamOptions,
  type Optimizer,
  type LionOptions,
  type RMSpropOptions,
  type SGDOptions,
} from './optim/optimizers.js';
export type { ParameterGroup, Parameters } from './optim/groups.js';
export type { OptimizerOptions } from './optim/update.js';
export { Training, type BatchOptions, type RestoreOptions, type TrainingState } from './optim/training.js';
export { decay, type Schedule } from './optim/rates.js';
export * as schedules from './optim/schedules.js';
export { Program } from './runtime/program.js';
export type { ProgramCounts } from './compiler/compile.js';
export type { ProgramOptions } from './runtime/options.js';
export type { GenerateOptions } from './runtime/generate.js';
export type { Feeds } from './runtime/feeds.js';
export { BusyError, FeedError, NonFiniteError } from './runtime/errors.js';
export type { DType } from './core/array.js';
export {
  type Draw,
  type Fed,
  type Matrix,
  type Model,
  type ModelBuilder,
  type SizedModel,
  type Sizes,
  type Source,
} from './study/models/model.js';
export { type OpName } from './graph/ops.js';
export { type Work } from './compiler/account.js';
export { parsePasses, PASSES, PassError, type PassName, type PassSet } from './compiler/passes.js';
export { Random } from './runtime/random.js';
export {
  numbersOf,
  readSafetensors,
  writeSafetensors,
  type Tensor,
  type Tensors,
  type WrittenTensor,
} from './weights/safetensors.js';
export { SafetensorsError } from './weights/safetensors-header.js';
export type { TensorType } from './weights/element-types.js';
export { sample, Sampler, type SampleOptions } from './study/sampling.js';
export { ShapeError, type Shape } from './core/shape.js';
export { loadModel, saveModel, type LoadedModel } from './study/model-file.js';
export { loadCheckpoint, saveCheckpoint, type Checkpoint, type Kept } from './study/checkpoint-file.js';
export type { Names, Rename } from './weights/name-rules.js';
export { loadPyTorch, type LoadPyTorchOptions } from './weights/pytorch.js';
export {
  loadWeights,
  saveWeights,
  WeightsError,
  type LoadOptions,
  type LoadReport,
} from './weights/weights.js';
export type { Metadata } from './weights/tensor-file.js';
export {
  ExperimentError,
  train,
  type TargetOptions,
  type TrainOptions,
  type TrainResult,
} from './study/train.js';
export { compile } from './value/compile.js';
