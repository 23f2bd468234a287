/**
 * Modules: parts of networks that create their parameters when constructed and are then applied to values.
 */
export {
  MultiHeadAttention,
  SelfAttention,
  type AttendOptions,
  type AttentionOptions,
  type SelfAttentionOptions,
} from './attention.js';
export { BatchNorm1d, BatchNorm2d, type BatchNormOptions } from './batch-norm.js';
export { Conv1d, Conv2d, type ConvLayerOptions } from './convolution.js';
export { Dropout } from './dropout.js';
export { EmbeddingBag, type BagOptions, type EmbeddingBagOptions } from './embedding-bag.js';
export * as initializers from './initializers.js';
export { Embedding, Linear, type EmbeddingOptions, type LinearOptions } from './linear.js';
export { MLP, type MLPOptions } from './mlp.js';
export { Module, type ModuleOptions, type NamedModule } from './module.js';
export { LayerNorm, RMSNorm, type LayerNormOptions, type RMSNormOptions } from './norm.js';
export { AdaptiveAvgPool2d, AvgPool1d, AvgPool2d, MaxPool1d, MaxPool2d } from './pooling.js';
export {
  GRUCell,
  LSTMCell,
  RNNCell,
  type GRUCellOptions,
  type LSTMState,
  type RecurrentOptions,
} from './recurrent.js';
export { Sequential, type Applied, type SequentialLayer } from './sequential.js';
export {
  GRU,
  LSTM,
  RNN,
  type GRUOptions,
  type SequenceApplyOptions,
  type SequenceOptions,
  type SequenceResult,
} from './sequences.js';
export { ScalarLayer, ScalarMLP, ScalarNeuron, type ScalarNeuronOptions } from './scalar.js';
export { TransformerBlock, type TransformerOptions } from './transformer.js';
export { summary } from './summary.js';
