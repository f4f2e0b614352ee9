# What the mini model knows (the former one `classes`, the present one `natural_classes`), and the
# icons of it: for scripts to source.
natural_classes=airplane,anchor,apple,balloon,banana,bell,bicycle,bolt,book,boot,bulb,bus,butterfly,cactus,camera,car,carrot,castle,cat,cheese,croissant,crown,dog,dolphin,doughnut,duck,eggplant,elephant,fish,flower,fox,frog,ghost,guitar,hammer,hat,heart,house,jeans,key,ladder,lion,magnet,moon,mushroom,owl,pear,penguin,pig,pizza,rabbit,rainbow,robot,rocket,sailboat,shirt,snowman,star,strawberry,sun,tree,trophy,turtle,volcano
classes=airplane,apple,balloon,banana,bolt,boot,bulb,bus,butterfly,cactus,camera,car,castle,cat,cheese,croissant,crown,dolphin,doughnut,eggplant,fish,fox,guitar,hammer,hat,heart,house,jeans,key,ladder,lion,magnet,moon,mushroom,owl,pear,penguin,pig,pizza,rainbow,rocket,sailboat,shirt,star,tree,trophy,turtle,volcano
icons=(
    --icons models/icons/fluent-emoji-flat.json --names apple=red-apple,bolt=high-voltage,book=open-book,boot=hiking-boot,bulb=light-bulb,car=automobile,cheese=cheese-wedge
    --names flower=cherry-blossom,hat=top-hat,heart=red-heart,moon=crescent-moon,shirt=t-shirt,tree=deciduous-tree
)
