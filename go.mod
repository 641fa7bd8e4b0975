module qcowscope

go 1.26
