// BigInteger
