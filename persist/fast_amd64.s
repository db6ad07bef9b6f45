#include "go_asm.h"
#include "textflag.h"

// func prefetch(p *byte)
TEXT ·prefetch(SB), NOSPLIT, $0-8
	MOVQ p+0(FP), AX
	BYTE $0x0F; BYTE $0x0D; BYTE $0x08 // PREFETCHW (AX)
	RET

// func sumShort(crc uint32, p []byte) uint32
TEXT ·sumShort(SB), NOSPLIT, $0-36
	MOVL crc+0(FP), AX
	MOVQ p_base+8(FP), SI
	MOVQ p_len+16(FP), CX
	NOTL AX
	SUBQ $8, CX
	JLT  tail

words:
	CRC32Q (SI), AX
	ADDQ   $8, SI
	SUBQ   $8, CX
	JGE    words

tail:
	TESTQ  $4, CX // the low bits are those of the length
	JEQ    two
	CRC32L (SI), AX
	ADDQ   $4, SI

two:
	TESTQ  $2, CX
	JEQ    one
	CRC32W (SI), AX
	ADDQ   $2, SI

one:
	TESTQ  $1, CX
	JEQ    done
	CRC32B (SI), AX

done:
	NOTL AX
	MOVL AX, ret+32(FP)
	RET

// func sealShort(b []byte, seed uint32) (size, count int)
TEXT ·sealShort(SB), NOSPLIT, $0-48
	MOVQ b_base+0(FP), SI
	MOVQ b_len+8(FP), DI
	MOVL seed+24(FP), BX
	NOTL BX
	XORL R8, R8 // count
	ADDQ SI, DI // the end

record:
	CMPQ    SI, DI
	JAE     end
	MOVL    4(SI), CX                // length of the payload
	CMPL    CX, $const_shortBytes
	JAE     end
	MOVBLZX 9(SI), DX                // flags
	CMPL    DX, $const_flagTxn       // that is 1: there is a txn, or nothing
	JHI     end
	LEAQ    (CX)(DX*const_txnField), CX
	LEAQ    const_recordHead(SI), R9
	LEAQ    (R9)(CX*1), R10          // the next record
	MOVL    BX, AX
	CRC32Q  4(SI), AX
	CRC32Q  12(SI), AX
	SUBQ    $8, CX
	JLT     tail

words:
	CRC32Q (R9), AX
	ADDQ   $8, R9
	SUBQ   $8, CX
	JGE    words

tail:
	TESTQ  $4, CX
	JEQ    two
	CRC32L (R9), AX
	ADDQ   $4, R9

two:
	TESTQ  $2, CX
	JEQ    one
	CRC32W (R9), AX
	ADDQ   $2, R9

one:
	TESTQ  $1, CX
	JEQ    sealed
	CRC32B (R9), AX

sealed:
	NOTL AX
	MOVL AX, (SI)
	MOVQ R10, SI
	INCQ R8
	JMP  record

end:
	SUBQ b_base+0(FP), SI
	MOVQ SI, size+32(FP)
	MOVQ R8, count+40(FP)
	RET
