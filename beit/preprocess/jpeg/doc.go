// Package jpeg decodes JPEG files to the very samples that libjpeg-turbo computes with its defaults, as Pillow and torchvision use it.
//
// The standard library's decoder is off by one or two in many samples, since its inverse transform rounds in another way, and refuses files that libjpeg
// reads. What a model computes would then depend on the decoder. This one has libjpeg's accurate integer transform ("islow"), its interpolation of colour
// ("fancy upsampling"), its fixed-point colours, and its smoothing of progressive files whose scans are not complete. It reads 8-bit baseline, extended and
// progressive files with Huffman codes, of 1, 3 or 4 components, with any sampling factors that libjpeg takes. Damaged data between markers is read as
// libjpeg reads it: what is missing is zero.
//
// Sources: ITU-T T.81 for the format; libjpeg-turbo/libjpeg-turbo for what is left open there: src/jdinput.c (geometry), src/jdhuff.c and src/jdphuff.c (damaged
// data), src/jidctint.c (inverse transform), src/jdsample.c (upsampling), src/jdcolor.c (colours), src/jdcoefct.c (smoothing).
package jpeg
