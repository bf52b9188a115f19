module backup

go 1.19

require vmsnap v0.0.0

replace vmsnap => ../bindings/go
