import paddle


class BEiTClsHead(paddle.nn.Layer):
    def __init__(self, in_channels=2048, num_classes=1000, init_scale=0.001):
        super().__init__()
        self.fc_cls = paddle.nn.Linear(in_channels, num_classes)

    def forward(self, x):
        return self.fc_cls(x)
