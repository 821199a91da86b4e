#include "systems/mgs/source/preprocess.h"

namespace isomer::mgs {
namespace {

constexpr std::string_view standard_script =
    R"gsl(// Functors that give parameter sets, names and numbers.
Functor Print; Print print();
NodeInitializer Same(Pset);
NodeInitializer NodeDefault; NodeDefault nodeDef();
EdgeInitializer EdgeDefault; EdgeDefault edgeDef();
Functor InAttrDefault; InAttrDefault inAttrDef();
Functor OutAttrDefault; OutAttrDefault outAttrDef();
InAttrInitializer NdplInAttrInit(NDPairListFunctor pairs);
InAttrInitializer SetSourceArrayIndexFunctor;
NodeInitializer NdplNodeInit(NDPairListFunctor pairs);
EdgeInitializer NdplEdgeInit(NDPairListFunctor pairs);
NDPairListFunctor BindName(string name, Functor value, ...);
Functor NdplModifier(Functor set, list<NDPair> pairs);
Functor BindBack(Functor called, ...);

// How many nodes stand at a point of a layer.
Layout UniformLayout(int density);
Layout OpenCircleLayout(int positions);
Layout RandomDispersalLayout(int total);
Layout GradientLayout(...);
Layout NormalizedGradientLayout(...);

// What connects.
Connector PolyConnectorFunctor(); PolyConnectorFunctor polyConnect();
Connector ConnectNodeSetsFunctor(); ConnectNodeSetsFunctor connectNodeSets();
Connector BidirectConnectNodeSetsFunctor(); BidirectConnectNodeSetsFunctor bidirectConnectNodeSets();
Connector ServiceConnectorFunctor(); ServiceConnectorFunctor serviceConnect();

// Which nodes are connected.
SamplingFctr2 IsoSampler(); IsoSampler isoSampler();
SamplingFctr2 EachSrc(SamplingFctr1 destinations);
SamplingFctr2 EachDst(SamplingFctr1 sources);
SamplingFctr2 EachDstPropSrc(SamplingFctr1 sources, ...);
SamplingFctr2 Unique(SamplingFctr2 pairs);
SamplingFctr1 EachAvg(float average);
SamplingFctr1 RadialSampler(float radius, ...);
SamplingFctr1 RadialDensitySampler(int count, float scale, list<float> profile, ...);
SamplingFctr1 RadialHistoSampler(int count, float scale, list<float> profile);
SamplingFctr1 ManhattanRing(list<int> counts);

// Attributes by distance.
Functor SrcRefDistanceModifier(Functor set);
Functor DstRefDistanceModifier(Functor set);
Functor SrcRefGaussianWeightModifier(Functor set, float sigma, float most, int distance);
Functor DstRefGaussianWeightModifier(Functor set, float sigma, float most, int distance);
Functor ReversedSrcRefGaussianWeightModifier(Functor set, float sigma, float most, int distance);
Functor ReversedDstRefGaussianWeightModifier(Functor set, float sigma, float most, int distance);
Functor SrcRefDoGWeightModifier(Functor set, float s1, float m1, float s2, float m2, int distance);
Functor SrcScaledGaussianWeightModifier(Functor set, float sigma, float most);
Functor DstScaledGaussianWeightModifier(Functor set, float sigma, float most);
Functor SrcScaledContractedGaussianWeightModifier(Functor set, float sigma, float most, float by);
Functor DstScaledContractedGaussianWeightModifier(Functor set, float sigma, float most, float by);
Functor SrcRefSumRsqrdInvWeightModifier(Functor set, int dimension, int distance);
Functor DstRefSumRsqrdInvWeightModifier(Functor set, int dimension, int distance);

// Numbers.
Functor UniformDist(float least, float most);
Functor Gaussian(float mean, float deviation);
Functor UniformDiscreteDist(float least, float most);
Functor RangePassThru(float least, string above, Functor value, string below, float most);
Functor Exp(Functor value);
Functor Log(Functor value);
Functor Neg(Functor value);
Functor Scale(Functor value, ...);
Functor Round(Functor value);
Functor Threshold(Functor value, float least);
Functor FloatArrayMaker(Functor value, int count);
Functor LoadSparseMatrix(string path);
Functor Sum { Function(list<int>); Return(int); Function(list<float>); Return(float); };
Sum sum();

// Of the pair that is being connected, or the node that is being initialized.
Functor GetNodeCoordFunctor(...);

// Triggers.
Trigger UnsignedTrigger(string about, Service value, string op, int criterion, int delay);
Trigger FloatTrigger(string about, Service value, string op, float criterion, int delay, string phase);
)gsl";

constexpr std::string_view neuron_interfaces = R"mdl(#ifndef DNNTOOLS_MDL
#define DNNTOOLS_MDL
Interface ForwardProducer { double* forward; }
Interface ForwardArrayProducer { double []* forwardArray; }
Interface BackwardProducer { double* backward; }
Struct EdgeSetInput { double []* inputArray; unsigned inputIndex; }
Constant Bias Implements ForwardProducer {
   double output;
   ForwardProducer.forward << &output;
}
#endif
)mdl";

}  // namespace

std::string_view built_in_file(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::string_view last = slash == std::string_view::npos ? name : name.substr(slash + 1);
  if (last == "std.gsl") return standard_script;
  return last == "DNNTools.mdl" ? neuron_interfaces : std::string_view{};
}

}  // namespace isomer::mgs
