#include "systems/mgs/mdl/built_in.h"

namespace isomer::mgs::mdl {

const std::string_view neuron_types = R"mdl(// A linear sum.
Node DNNode Implements ForwardProducer, BackwardProducer {
   double output;
   double gradient;
   double* weightedGradient;
   EdgeSetInput [] inputs;
   bool ready;
   InAttrPSet { string identifier; unsigned index; }
   InitPhase initialize();
   RuntimePhase update(output, gradient);
   ForwardProducer.forward << &output;
   BackwardProducer.backward << &gradient;
   UserFunction extractInputIndex;
   Connection Pre Node (PSet.identifier=="input") Expects ForwardArrayProducer {
      ForwardArrayProducer.forwardArray >> inputs.inputArray;
      extractInputIndex();
   }
   Connection Pre Node (PSet.identifier=="gradient") Expects BackwardProducer {
      BackwardProducer.backward >> weightedGradient;
   }
}
// The weights of all edges that leave a node, and the node's activation.
Node DNEdgeSet Implements ForwardArrayProducer, BackwardProducer {
   double [] weights;
   double [] deltaWeights;
   double [] deltaWeightsSquared;
   double [] weightedOutputs;
   double weightedGradient;
   double [] echoes;
   unsigned echoIndex;
   double biasCorrectionW;
   double biasCorrectionS;
   double* input;
   double* [] gradients;
   bool readyForward;
   bool readyBackward;
   string transferFunctionName;
   bool momentum;
   bool rmsprop;
   Shared {
      double eta;
      double alpha;
      double beta;
      string [] optimization;
   }
   InAttrPSet { string identifier; }
   InitPhase initialize();
   RuntimePhase update(weightedOutputs, weightedGradient);
   ForwardArrayProducer.forwardArray << &weightedOutputs;
   BackwardProducer.backward << &weightedGradient;
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> input;
   }
   Connection Pre Constant (PSet.identifier=="bias") Expects ForwardProducer {
      ForwardProducer.forward >> input;
   }
   Connection Pre Node (PSet.identifier=="gradient") Expects BackwardProducer {
      BackwardProducer.backward >> gradients;
   }
}
// One class: shows images, compares predictions with labels.
Node SupervisorNode Implements BackwardProducer, ForwardArrayProducer {
   double primaryGradient;
   double* [] logits;
   double [] predictions;
   double sumOfSquaredError;
   unsigned wins;
   bool ready;
   Shared {
      string transferFunctionName;
      unsigned [] labels;
      unsigned labelIndex;
      unsigned numberOfInputs;
      unsigned numberOfLabels;
      double []* x;
      bool shready;
      string dataLocation;
      bool test;
      bool refreshErrors;
      unsigned trainingEpoch;
      unsigned trainingEpochs;
      unsigned imageIndex;
      InitPhase initializeShared;
      RuntimePhase updateShared;
   }
   InAttrPSet { string identifier; }
   InitPhase initialize();
   RuntimePhase update(primaryGradient);
   ForwardArrayProducer.forwardArray << Shared.x;
   BackwardProducer.backward << &primaryGradient;
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> logits;
   }
}
)mdl";

const std::string_view case_types = R"mdl(// Node library of the conformance cases.

// a whole tensor, flattened row-major
Interface TensorProducer {
   double []* tensor;
}
// one gradient entry per input of the producer
Interface BackArrayProducer {
   double []* backArray;
}

Struct WeightedTap {
   double* value;
   double weight;
}
Struct BackRef {
   double []* array;
   unsigned index;
}
Struct TensorRef {
   double []* tensor;
   unsigned pos;
}
Struct ProbeInput {
   double* value;
   double weight;
   int tag;
}

// Plays rows of a text file: one row per "hold" iterations (the last row is held).
Node RowSource Implements ForwardArrayProducer, TensorProducer {
   double [] x;
   string fileName;
   unsigned cols;
   unsigned hold;
   bool wrap;
   InitPhase initialize();
   RuntimePhase update(x);
   ForwardArrayProducer.forwardArray << &x;
   TensorProducer.tensor << &x;
}

// Collects scalars or one tensor, writes one text line per iteration; can feed a gradient back.
Node RowSink Implements BackwardProducer {
   double grad;
   double* [] preds;
   double []* tensorIn;
   string fileName;
   bool opened;
   bool train;
   double target;
   InitPhase initialize();
   RuntimePhase update(grad);
   FinalPhase finish();
   BackwardProducer.backward << &grad;
   InAttrPSet {
      string identifier;
   }
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> preds;
   }
   Connection Pre Node (PSet.identifier=="tensor") Expects TensorProducer {
      TensorProducer.tensor >> tensorIn;
   }
}

// One-phase neuron: y = act(bias + array element + sum w_i x_i + sum of weighted taps).
Node PlainNeuron Implements ForwardProducer {
   double y;
   double bias;
   double [] w;
   double* [] x;
   WeightedTap [] taps;
   double []* arrayIn;
   unsigned arrayIndex;
   string act;
   string weightFile;
   InAttrPSet {
      string identifier;
      double weight;
      unsigned index;
   }
   InitPhase initialize();
   RuntimePhase update(y);
   ForwardProducer.forward << &y;
   UserFunction setArrayIndex;
   Connection Pre Node (PSet.identifier=="array") Expects ForwardArrayProducer {
      ForwardArrayProducer.forwardArray >> arrayIn;
      setArrayIndex();
   }
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> x;
   }
   Connection Pre Node (PSet.identifier=="tap") Expects ForwardProducer {
      ForwardProducer.forward >> taps.value;
      PSet.weight >> taps.weight;
   }
}

// Levelled neuron: acts only in the phase s<level>.
Node LevelNeuron Implements ForwardProducer {
   double y;
   double bias;
   double [] w;
   double* [] x;
   int [] tap;
   double []* arrayIn;
   unsigned arrayIndex;
   unsigned level;
   unsigned share;
   bool started;
   double start;
   string act;
   string weightFile;
   InAttrPSet {
      string identifier;
      unsigned index;
   }
   InitPhase initialize();
   RuntimePhase s0(y), s1(y), s2(y), s3(y), s4(y), s5(y), s6(y), s7(y);
   ForwardProducer.forward << &y;
   UserFunction setArrayIndex, setTap;
   Connection Pre Node (PSet.identifier=="array") Expects ForwardArrayProducer {
      ForwardArrayProducer.forwardArray >> arrayIn;
      setArrayIndex();
   }
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> x;
      setTap();
   }
}

// Trainable levelled neuron: forward in f<level>, backward and weight update in b<level>.
Node TrainNeuron Implements ForwardProducer, BackArrayProducer {
   double y;
   double [] back;
   double bias;
   double [] w;
   double* [] x;
   BackRef [] backs;
   double []* arrayIn;
   unsigned arrayIndex;
   unsigned level;
   string act;
   string weightFile;
   string trace;
   Shared {
      double lr;
      string rule;
      double momentum;
      double beta1;
      double beta2;
      double eps;
      unsigned batch;
   }
   InAttrPSet {
      string identifier;
      unsigned index;
   }
   InitPhase initialize();
   RuntimePhase f0(y), f1(y), f2(y), f3(y), b3(back), b2(back), b1(back), b0(back);
   FinalPhase finish();
   ForwardProducer.forward << &y;
   BackArrayProducer.backArray << &back;
   UserFunction setArrayIndex, setBackIndex;
   Connection Pre Node (PSet.identifier=="array") Expects ForwardArrayProducer {
      ForwardArrayProducer.forwardArray >> arrayIn;
      setArrayIndex();
   }
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> x;
   }
   Connection Pre Node (PSet.identifier=="back") Expects BackArrayProducer {
      BackArrayProducer.backArray >> backs.array;
      setBackIndex();
   }
}

// kind "mse": 0.5*sum (y-t)^2 ; kind "ce": -sum t log softmax(y). Writes the loss, gives dL/dy.
Node LossNode Implements BackArrayProducer {
   double [] back;
   double* [] x;
   double []* target;
   string kind;
   string fileName;
   InAttrPSet {
      string identifier;
   }
   InitPhase initialize();
   RuntimePhase update(back);
   BackArrayProducer.backArray << &back;
   Connection Pre Node (PSet.identifier=="input") Expects ForwardProducer {
      ForwardProducer.forward >> x;
   }
   Connection Pre Node (PSet.identifier=="target") Expects ForwardArrayProducer {
      ForwardArrayProducer.forwardArray >> target;
   }
}

// Levelled tensor operator.
Node TensorOp Implements TensorProducer {
   double [] y;
   double [] w;
   double [] b;
   int [] dims;
   string op;
   string weightFile;
   unsigned level;
   double []* in0;
   double []* in1;
   InAttrPSet {
      string identifier;
   }
   InitPhase initialize();
   RuntimePhase s0(y), s1(y), s2(y), s3(y), s4(y), s5(y), s6(y), s7(y);
   TensorProducer.tensor << &y;
   Connection Pre Node (PSet.identifier=="in0") Expects TensorProducer {
      TensorProducer.tensor >> in0;
   }
   Connection Pre Node (PSet.identifier=="in1") Expects TensorProducer {
      TensorProducer.tensor >> in1;
   }
}

// y = c + sum over inputs of (pos+1)*input ; c: pairs (high word, low word) of IEEE doubles.
Node CombineOp Implements TensorProducer {
   double [] y;
   TensorRef [] ins;
   int [] bits;
   int level;
   InAttrPSet {
      string identifier;
      unsigned index;
   }
   InitPhase initialize();
   RuntimePhase s0(y), s1(y), s2(y), s3(y);
   TensorProducer.tensor << &y;
   Connection Pre Node (PSet.identifier=="in") Expects TensorProducer {
      TensorProducer.tensor >> ins.tensor;
      PSet.index >> ins.pos;
   }
}

// Prints what it is given: members, connections in the order made, phase calls.
Node Probe Implements ForwardProducer, TensorProducer {
   double y;
   double [] out;
   string label;
   bool b;
   char c;
   short s;
   int i;
   long l;
   float f;
   double d;
   unsigned u;
   string t;
   int [] ia;
   float [] fa;
   double [] da;
   string [] ta;
   unsigned [] ua;
   double* [] x;
   double* last;
   double* fixedValue;
   ProbeInput [] ins;
   double []* arr;
   int [] seenTags;
   Shared {
      string tag;
      int count;
      double weight;
      double [] list;
      InitPhase sharedInit;
      RuntimePhase tick;
   }
   InAttrPSet {
      string identifier;
      double weight;
      unsigned index;
      int n;
   }
   InitPhase initialize();
   RuntimePhase a(y), b2(y);
   FinalPhase finish();
   ForwardProducer.forward << &y;
   TensorProducer.tensor << &out;
   UserFunction note;
   TriggeredFunction poke;
   Connection Pre Node (PSet.identifier=="x") Expects ForwardProducer {
      ForwardProducer.forward >> x;
      note();
   }
   Connection Pre Node (PSet.identifier=="last") Expects ForwardProducer {
      ForwardProducer.forward >> last;
      note();
   }
   Connection Pre Node (PSet.identifier=="in") Expects ForwardProducer {
      ForwardProducer.forward >> ins.value;
      PSet.weight >> ins.weight;
      PSet.n >> ins.tag;
      note();
   }
   Connection Pre Node ((PSet.identifier=="positive") && (PSet.n > 0)) Expects ForwardProducer {
      ForwardProducer.forward >> x;
      PSet.n >> seenTags;
      note();
   }
   Connection Pre Node (PSet.identifier=="both") Expects ForwardProducer, TensorProducer {
      ForwardProducer.forward >> x;
      TensorProducer.tensor >> arr;
      note();
   }
   Connection Pre Node (PSet.identifier=="twice") Expects ForwardProducer {
      ForwardProducer.forward >> x;
      note();
   }
   Connection Pre Node ((PSet.identifier=="twice") && (PSet.n == 1)) Expects ForwardProducer {
      ForwardProducer.forward >> last;
      note();
   }
   Connection Pre Constant (PSet.identifier=="fixed") Expects ForwardProducer {
      ForwardProducer.forward >> fixedValue;
   }
}

// Second probe type, for the order of types within a phase.
Node Probe2 Implements ForwardProducer {
   double y;
   string label;
   double d;
   double* [] x;
   InAttrPSet {
      string identifier;
   }
   InitPhase initialize();
   RuntimePhase a(y);
   ForwardProducer.forward << &y;
   Connection Pre Node (PSet.identifier=="x") Expects ForwardProducer {
      ForwardProducer.forward >> x;
   }
}

// A constant scalar.
Constant FixedScalar Implements ForwardProducer {
   double output;
   ForwardProducer.forward << &output;
}

// Writes the connected scalars on a trigger.
Variable Recorder {
   double* [] vals;
   int [] nodes;
   string fileName;
   UserFunction note;
   InitPhase initialize;
   TriggeredFunction collect;
   FinalPhase finalize;
   Connection Pre Node () Expects ForwardProducer {
      ForwardProducer.forward >> vals;
      note();
   }
}

// Pairs every output pixel with the input pixels of its receptive field (grids Dimension(W,H,C)).
Functor ConvSampler Category "SAMPFCTR2" {
   Initialize(int kh, int kw, int stride, int pad, int perChannel);
   void Execute();
}
// Changes an exported member in a phase that does not list it.
Node SilentNode Implements ForwardProducer {
   double y;
   InitPhase initialize();
   RuntimePhase update();
   ForwardProducer.forward << &y;
}
)mdl";

}  // namespace isomer::mgs::mdl
