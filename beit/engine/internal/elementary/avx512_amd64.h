// The loops of the functions with AVX-512, which take any number of values.

// LOOP begins a loop over so many values at a time, which NEXT ends. K1 is the mask of the values that there are: of the last ones there may be fewer.
#define LOOP(count) \
loop: \
	TESTQ CX, CX   \
	JLE  done      \
	CMPQ CX, count \
	JGE  full      \
	MOVQ $1, BX    \
	SHLQ CX, BX    \
	DECQ BX        \
	KMOVW BX, K1   \
full:

// NEXT goes on to the next so many values, which take 64 bytes, or else ends the loop.
#define NEXT(count) \
	ADDQ $64, SI   \
	SUBQ count, CX \
	JMP  loop      \
done:
