/** Parts of networks: each draws its parameters when it is made, and is applied to values of the graph. */
export { SelfAttention, type SelfAttentionOptions } from './attention.js';
export * as initializers from './initializers.js';
export { Embedding, Linear, type EmbeddingOptions, type LinearOptions } from './linear.js';
export { Layer, MLP, Neuron, type NeuronOptions } from './mlp.js';
export { Module, type ModuleOptions } from './module.js';
export { GRU, LSTM, RNN, type LSTMState, type RecurrentOptions } from './recurrent.js';
