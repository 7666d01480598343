"""Map spaces of networks, find the design rules that hold in them, and hand over the best networks.

    Space --sample--> point --decode--> Architecture --network--> layer tree --module--> nn.Module
          --train--> Record --> table --> analysis --> figures --> report, models
"""
