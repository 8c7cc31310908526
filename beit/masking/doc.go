// Package masking chooses the patches that a masked-image model has to recover: block by block, as BEiT's pre-training does.
//
// A [Generator] makes the masks that microsoft/unilm's MaskingGenerator makes after Python's random.seed and NumPy's random.seed with the same number.
package masking
