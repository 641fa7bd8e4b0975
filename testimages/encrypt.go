package testimages

import (
	"crypto/aes"
	gocipher "crypto/cipher"
	"encoding/binary"
)

// password opens every encrypted test image.
const password = "qcowscope"

// cipher encrypts guest data as QEMU does: AES-128-CBC in 512-byte sectors whose
// IV is the sector number, on the host for LUKS and on the guest for legacy AES.
type cipher struct {
	block  gocipher.Block
	byHost bool
}

func newCipher(key []byte, byHost bool) (*cipher, error) {
	block, err := aes.NewCipher(key)
	return &cipher{block, byHost}, err
}

func (c *cipher) encrypt(p []byte, g guestOff, h hostOff) {
	sector := uint64(g) / sectorSize
	if c.byHost {
		sector = uint64(h) / sectorSize
	}
	encryptSectors(c.block, p, sector)
}

// encryptSectors encrypts whole sectors in place; IVs count on from first (plain64).
func encryptSectors(block gocipher.Block, p []byte, first uint64) {
	for ; len(p) > 0; p = p[sectorSize:] {
		var iv [aes.BlockSize]byte
		binary.LittleEndian.PutUint64(iv[:], first)
		gocipher.NewCBCEncrypter(block, iv[:]).CryptBlocks(p[:sectorSize], p[:sectorSize])
		first++
	}
}

// layEncryption prepares the cipher and, for LUKS, writes the header area.
func (b *builder) layEncryption() error {
	var err error
	switch b.opt.encrypted {
	case "aes":
		key := make([]byte, 16) // the password itself, padded with zeros
		copy(key, password)
		b.cipher, err = newCipher(key, false)
	case "luks":
		err = b.layLUKS()
	}
	return err
}
