/** vecgrad: define a graph once, differentiate it, train it at the speed of hand-written SIMD. */
export { type BackgroundOptions, type Progress } from './background.js';
export { Corpus, DataError, parseDocuments, readDocuments, splitHeldOut, Tokenizer, embeddedNamesPath, type Documents, type Sliceable, type Split } from './data.js'; // prettier-ignore
export { buildModel, ExperimentError, MODEL_NAMES, MODELS, runExperiment, type BuiltModel, type ExperimentOptions, type ExperimentResult, type Keeper, type ModelName, type ModelSizes, type Run } from './experiment.js'; // prettier-ignore
export { type Column, type Dataset } from './dataset.js';
export { type DrawOptions } from './draw.js';
export { embedding, gelu, layerNorm, logSoftmax, logSumExp, norm, silu, split, std, tensordot, variance, vstack, where, type VarianceOptions } from './functions.js'; // prettier-ignore
export { grad } from './grad.js';
export { gradCheck, GradCheckError, type GradCheckElement, type GradCheckOptions, type GradCheckReport } from './grad-check.js'; // prettier-ignore
export { choose, concat, constant, Index, index, input, meanOfFirst, parameter, stack, total, Value, zeros, type Axes, type Node, type Numbers, type ParameterOptions, type TypedArray } from './graph.js'; // prettier-ignore
export { kernels, type GatherOptions, type KernelOptions, type MatmulOptions, type OutOptions, type SoftmaxOptions } from './kernels.js'; // prettier-ignore
export { IsaError, nativeInfo, type NativeInfo } from './native.js';
export * from './operators.js';
export * as nn from './nn/index.js';
export { Adam, AdamW, decay, RMSprop, SGD, Training, type AdamOptions, type Optimizer, type OptimizerOptions, type RMSpropOptions, type Schedule, type SGDOptions, type TrainingState } from './optim.js'; // prettier-ignore
export * as schedules from './schedules.js';
export { BusyError, compile, FeedError, NonFiniteError, Program, type DType, type Feeds, type GenerateOptions, type ProgramOptions } from './program.js'; // prettier-ignore
export {
  type Draw,
  type Fed,
  type Matrix,
  type Model,
  type ModelBuilder,
  type SizedModel,
  type Sizes,
  type Source,
} from './models/model.js';
export { type OpName } from './ops.js';
export { type Work } from './compiler/account.js';
export { parsePasses, PASSES, PassError, type PassName, type PassSet } from './compiler/passes.js';
export { Random } from './random.js';
export { numbersOf, readSafetensors, SafetensorsError, writeSafetensors, type Tensor, type Tensors, type TensorType, type WrittenTensor } from './safetensors.js'; // prettier-ignore
export { sample, Sampler, type SampleOptions } from './sampling.js';
export { ShapeError, type Shape } from './shape.js';
export {
  loadCheckpoint,
  loadModel,
  saveCheckpoint,
  saveModel,
  type Checkpoint,
  type Kept,
  type LoadedModel,
} from './model-file.js';
export { loadWeights, saveWeights, WeightsError } from './weights.js';
export { train, type TargetOptions, type TrainOptions, type TrainResult } from './train.js';
