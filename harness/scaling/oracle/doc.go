// Package oracle holds package hpa to the controller that it is to agree with:
// the unmodified horizontal pod autoscaler of Kubernetes, run in virtual time.
//
// A [Case] describes a specification, a load, and a plant: how pods come, become
// ready, fail and go, and what metrics say of them. Case for case, upstream's
// controller runs against one copy of the plant and hpa.Recommend against
// another, in closed loops, and their traces (replicas and conditions after every
// evaluation) must be the same. The plant is a pure function of the case and of
// the replicas that were asked for, so the first difference of two traces is a
// difference of the autoscalers.
//
// Manifests are held to the API server's own decoding, defaulting and validation
// in the same way, without a plant.
//
// Everything but this comment is test code; the module is one of its own, so that
// nothing of it reaches the product's dependencies. See README.md for how to run
// it and how to move it to another release of Kubernetes.
package oracle
